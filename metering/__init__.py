"""The ground floor: the words every other room speaks. No I/O happens here.

quantities, units, obis   what is measured, in which canonical unit, under which OBIS code
reading, quality, samples values with their time and their trustworthiness, one by one and in arrays
estate, formula           sites, buildings, devices, meters (the city's Liegenschaften); what virtual meters compute
instant, localtime, clock UTC instants, calendar days in local time, and the passing of time
event, texts              what happened; what is said about it, in German and in English
strict, yaml_lines        what is read from YAML: no unknown keys, and on which line each value stands
"""
