"""What must hold of the deployed shop as a whole, read off the synthesized templates."""
