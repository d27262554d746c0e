"""From findings to alerts that people can work with.

alert     what an alert is: one cause, its evidence, what it wastes, who did what about it
book      the alerts, kept in a database
wording   findings put into words, in German or English
live      findings in live readings: silent devices, doubted values
waste     findings in the consumption of a meter, with what they cost
notify    delivery by Apprise
"""
