"""Rules that tests of writes put: what is right with them, or wrong."""

from flask_bucketcors import Rule, RuleSet
from flask_bucketcors.core.dialects import OSS

PLAIN = RuleSet([Rule(["https://a.example"], ["GET"])])
OTHER = RuleSet([Rule(["https://b.example"], ["GET"])])
DANGEROUS = RuleSet([Rule(["https://*evil.example", "null"], ["GET"])])
ODD = RuleSet([Rule(["https://A.example"], ["GET"])])
MANY = RuleSet([Rule([f"https://{i}.example"], ["GET"]) for i in range(OSS.max_rules + 1)])
