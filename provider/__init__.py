"""The provider's REST API: subscribe, dial, fetch histories."""
