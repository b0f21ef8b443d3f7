"""The local development environment: requirement locks, CDN proxy, emulator, deployments."""
