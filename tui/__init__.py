"""The screen: modes, panels, dialogs and the actions that call the cluster's verbs."""
