"""Third parties that an order's life needs: the workflow service and the mail service."""
