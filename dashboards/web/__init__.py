"""The web app and the REST API.

app        puts it together and serves it        house      what every page and route may use
pages/     one file a page                       frame      header, navigation, footer, live updates
queries    what the store says, as view models   views      the view models, and the arithmetic behind them
inbox      what the alert book says              charts     view models as ECharts options
formats    numbers, units, times for people      api        the REST API
security   headers, origin check                 texts.yaml every word, in German and English
"""
