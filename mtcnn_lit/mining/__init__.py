"""From annotated images to patch stores."""
