"""Carbon: what the metered energy means in kg of CO2, by factors that are published, dated and named.

factor, edition, factors   one published factor; one file of them, checked; a set to calculate with
energy                     kWh whose heat basis (Hs, Hi or none) is part of their type; gas volume to kWh
emissions                  intervals and local days of a meter in kg
chp, hourly, matching      the rules for heat and power, for hourly intensities, for own generation by the hour
change                     for year on year
"""
