"""The ground the shop stands on: CDK stacks that are written from the manifest lines."""
