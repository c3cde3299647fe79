// The theme's icons come from its font. This takes the place of the theme's 1.5 MB of the same icons as a script.
