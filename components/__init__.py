"""Pulumi components: the platform, its dashboards, and the scaled workloads, from one typed settings
object.
"""
