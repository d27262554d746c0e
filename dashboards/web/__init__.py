"""The web app and the REST API.

app        puts it together and serves it        house      what every page and route may use
pages/     one file a page                       frame      header, navigation, footer, live updates
queries    what the store says, as view models   views      the view models, and the arithmetic behind them
inbox      what the alert book says              charts     view models as ECharts options
formats    numbers, units, times for people      parts      cards, tiles, tables, plots
api        the REST API                          answers    its records
security   headers, origin check                 preferences language and colours of a visitor
shared     one answer for all who ask            texts.yaml every word, in German and English
"""
