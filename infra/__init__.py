"""Infrastructure: CDK stacks that are built from the manifest entries."""
