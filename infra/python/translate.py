"""Translates template.yaml from SAM to plain CloudFormation, offline, so that cfn-lint and our tests see real resources.

`sam validate` and `cfn-lint` alone accept a misspelt !Ref in a policy or a time-out of 1000 s: they do not translate.
Usage: translate.py template.yaml out.json
"""

import json
import sys

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.public.exceptions import InvalidDocumentException
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse


def main(source: str, target: str) -> None:
    with open(source, encoding="utf-8") as file:
        template = yaml_parse(file.read())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            # The code is a local folder until `sam package`; any S3 address will do for translating.
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    session = boto3.Session(region_name="eu-west-1")
    try:
        translated = Translator({}, Parser(), boto_session=session).translate(template, {})
    except InvalidDocumentException as error:
        sys.exit("\n".join([error.message, *(cause.message for cause in error.causes)]))
    with open(target, "w", encoding="utf-8") as file:
        json.dump(translated, file, indent=1)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
