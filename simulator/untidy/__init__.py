"""What real senders do to a webhook that the documents don't foresee: see `mischiefs`."""
