"""Request, response and file formats: UCP for shoppers, JSON for staff, CSV and YAML files."""
