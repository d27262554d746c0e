"""From findings to alerts that people can work with.

alert        what an alert is: one cause, its evidence, what it wastes, who did what about it
kinds        the kinds of alerts: how much each matters
live         findings in live readings: silent devices, doubted values
waste        findings in the consumption of a meter, with what they cost
wording      findings put into words, in German or English
book         the alerts and their life, kept in a database (database, tables, rows)
sensitivity  what people said of alerts sets how readily the next is raised
settings     when to alert, and whom; day_hours are hours such as 22:00-06:00
routing      who is to be told of an alert, and when
outbox       what is to be told: kept until it has arrived
message      alerts as text and mail, with a plot
notify       delivery by Apprise
"""
