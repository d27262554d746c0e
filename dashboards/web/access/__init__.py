"""Who may come in, and what they may see and do.

rights    the table: role × permission, and the permission that each address needs
accounts  users, sessions, API tokens and the log of what was changed, in a database
throttle  slows down those who guess passwords
oidc      sign-in at an OpenID provider
doors     the addresses for signing in and out
sight     the house as a visitor may see it
"""
