"""The main job on real reviews: article B's model built, ported, checked and trained twice."""
