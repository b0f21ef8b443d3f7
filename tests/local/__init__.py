"""The workshop itself: the toolchain's locks, the front door, the emulated AWS that is kept."""
