"""The provider's side: a client of its REST API, and a simulated provider to try callweave with."""
