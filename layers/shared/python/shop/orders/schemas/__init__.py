"""Orders in and out: UCP's words for shoppers, plain ones for staff, a carrier's, and letters."""
