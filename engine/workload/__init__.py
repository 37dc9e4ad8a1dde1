"""What drives producers and consumers in the lab: templates, keys, rates, processing times and faults."""
