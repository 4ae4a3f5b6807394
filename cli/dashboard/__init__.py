"""`make dashboard`: the generated dashboards as one HTML page."""
