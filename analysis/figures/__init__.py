"""What each figure shows, as a plain value that either library draws.

A figure is a file: a pure function computes a frozen value in the units of its axes, tested without a pixel, whose
method ``chart`` tells it to plotly and whose method ``draw`` to matplotlib.  A new figure is a new file.

============== =====================================================================
`report`       the figures of a report
`docs`         those of the generated pages of ``docs/``, drawn alone
`pictures`     what a figure is to whoever lays out a page, under its title
`rows`         rows under the names of their groups, which several figures share
`plain_chart`  the scaffolding of charts: plain values, without plotly
`charts`       charts for a page or a notebook, by plotly
`canvas`       the scaffolding of drawings, by matplotlib
`drawings`     drawings as files or for a notebook
`palette`      colours, for both
============== =====================================================================
"""
