//! `template.yaml`, translated to plain CloudFormation (`cargo xtask template`), against the routes and the schema.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use shared::api::reply;
use shared::api::routes::{FUNCTIONS, PREFIX, ROUTES};
use shared::host::log;
use shared::table::schema::{DUE_INDEX, KEY_ATTRIBUTES, LIST_INDEX};

fn translated() -> Value {
    let path = crate::support::target_folder().join("template.json");
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|e| panic!("{}: {e}; run `cargo xtask template` first", path.display()));
    serde_json::from_str(&text).unwrap()
}

fn resources<'a>(template: &'a Value, kind: &str) -> Vec<(&'a String, &'a Value)> {
    template["Resources"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, r)| r["Type"] == kind)
        .map(|(name, r)| (name, &r["Properties"]))
        .collect()
}

/// Names of functions by logical id: `ConsumeFunction` is `consume`.
fn function_name(properties: &Value) -> String {
    properties["FunctionName"]["Fn::Sub"].as_str().unwrap().strip_prefix("ltlm-${Stage}-").unwrap().to_owned()
}

#[test]
fn every_route_leads_to_its_function_with_and_without_the_prefix() {
    let template = translated();
    let (_, api) = resources(&template, "AWS::ApiGatewayV2::Api")[0];
    let mut found = BTreeSet::new();
    for (path, methods) in api["Body"]["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let target = operation["x-amazon-apigateway-integration"]["uri"].to_string();
            let function = FUNCTIONS
                .iter()
                // Its name, whole: `pro-heartbeat` is not `heartbeat`.
                .find(|f| target.contains(&format!(":function:ltlm-${{Stage}}-{}:live/", f.name)))
                .expect(&target);
            found.insert((method.to_uppercase(), path.clone(), function.name.to_owned()));
        }
    }
    let expected: BTreeSet<_> = ROUTES
        .iter()
        .flat_map(|route| {
            ["", PREFIX]
                .map(|prefix| (route.method.to_owned(), format!("{prefix}{}", route.path), route.function.to_owned()))
        })
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn every_function_may_do_exactly_what_its_routes_need() {
    let template = translated();
    let roles: BTreeMap<_, _> = resources(&template, "AWS::IAM::Role").into_iter().collect();
    for function in FUNCTIONS {
        let role = roles
            .iter()
            .find(|(name, _)| name.to_lowercase() == format!("{}functionrole", function.name.replace('-', "")))
            .unwrap()
            .1;
        let statements: Vec<&Value> = role["Policies"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|p| p["PolicyDocument"]["Statement"].as_array().unwrap())
            .collect();
        let actions = |on: Value| -> BTreeSet<String> {
            let hits = statements.iter().filter(|s| s["Resource"] == on);
            hits.flat_map(|s| match &s["Action"] {
                Value::Array(list) => list.iter().map(|a| a.as_str().unwrap().to_owned()).collect(),
                one => vec![one.as_str().unwrap().to_owned()],
            })
            .collect()
        };
        let table: BTreeSet<_> = function.table_actions.iter().map(|a| format!("dynamodb:{a}")).collect();
        assert_eq!(actions(json!({"Fn::GetAtt": ["Table", "Arn"]})), table, "{}", function.name);
        for index in [DUE_INDEX, LIST_INDEX] {
            let query: BTreeSet<_> =
                function.indexes.contains(&index).then(|| "dynamodb:Query".to_owned()).into_iter().collect();
            assert_eq!(
                actions(json!({"Fn::Sub": format!("${{Table.Arn}}/index/{index}")})),
                query,
                "{}",
                function.name
            );
        }
        let keys: BTreeSet<_> = function.key_actions.iter().map(|a| format!("kms:{a}")).collect();
        assert_eq!(actions(json!({"Fn::GetAtt": ["Key", "Arn"]})), keys, "{}", function.name);
        for statement in &statements {
            assert_ne!(statement["Resource"], json!("*"), "{}", function.name);
            if statement.to_string().contains("kms:") {
                let pinned = &statement["Condition"]["StringEquals"];
                assert_eq!(pinned["kms:EncryptionContext:service"], "ltlm");
                let purposes: Vec<_> = function.purposes.iter().map(|purpose| purpose.name()).collect();
                assert_eq!(pinned["kms:EncryptionContext:purpose"], json!(purposes), "{}", function.name);
            }
        }
    }
    assert_eq!(resources(&template, "AWS::Lambda::Function").len(), FUNCTIONS.len());
}

#[test]
fn the_gateway_may_call_every_function_that_serves_a_route() {
    let template = translated();
    let permissions = resources(&template, "AWS::Lambda::Permission");
    let allowed: BTreeSet<_> = permissions
        .iter()
        .filter(|(_, permission)| permission["Principal"] == "apigateway.amazonaws.com")
        .map(|(_, permission)| permission["FunctionName"]["Ref"].as_str().unwrap().to_lowercase())
        .collect();
    let serving: BTreeSet<_> =
        ROUTES.iter().map(|route| format!("{}functionaliaslive", route.function.replace('-', ""))).collect();
    assert_eq!(allowed, serving);
    // CloudFormation takes 500 resources in a stack.
    let count = template["Resources"].as_object().unwrap().len();
    assert!(count <= 450, "{count} resources");
}

/// What AWS publishes of its services: namespace, metric, dimensions (AWS documentation of each service's metrics, 2026-11).
const PUBLISHED: &[(&str, &str, &[&str])] = &[
    ("AWS/ApiGateway", "5xx", &["ApiId"]),
    ("AWS/ApiGateway", "Count", &["ApiId"]),
    ("AWS/ApiGateway", "Latency", &["ApiId"]),
    ("AWS/DynamoDB", "ReadThrottleEvents", &["TableName"]),
    ("AWS/DynamoDB", "WriteThrottleEvents", &["TableName"]),
    ("AWS/Lambda", "Errors", &["FunctionName"]),
    ("AWS/Lambda", "IteratorAge", &["FunctionName"]),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage", &["QueueName"]),
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible", &["QueueName"]),
];

/// The metrics that an alarm looks at: namespace, name, names of the dimensions.
fn watched(alarm: &Value) -> Vec<(String, String, Vec<String>)> {
    let one = |metric: &Value| {
        let text = |name: &str| metric[name].as_str().unwrap_or_default().to_owned();
        let dimensions = metric["Dimensions"].as_array().unwrap().iter();
        (
            text("Namespace"),
            text("MetricName"),
            dimensions.map(|dimension| dimension["Name"].as_str().unwrap().to_owned()).collect(),
        )
    };
    match alarm["Metrics"].as_array() {
        None => vec![one(alarm)],
        Some(metrics) => metrics.iter().filter_map(|m| m.get("MetricStat")).map(|stat| one(&stat["Metric"])).collect(),
    }
}

#[test]
fn every_alarm_watches_a_metric_that_there_is_and_there_are_ten_at_most() {
    let template = translated();
    let alarms = resources(&template, "AWS::CloudWatch::Alarm");
    assert!(alarms.len() <= 10, "{}", alarms.len());
    for (name, alarm) in &alarms {
        for (namespace, metric, dimensions) in watched(alarm) {
            let is_ours = namespace == log::NAMESPACE
                && log::REQUEST_METRICS.iter().any(|(known, _)| *known == metric)
                && dimensions == ["Stage"];
            let is_published = PUBLISHED.iter().any(|(s, m, d)| *s == namespace && *m == metric && *d == dimensions);
            assert!(is_ours || is_published, "{name}: {namespace} {metric} {dimensions:?}");
        }
    }
}

#[test]
fn the_dashboard_shows_every_alarm_and_metrics_that_there_are() {
    let template = translated();
    let (_, dashboard) = resources(&template, "AWS::CloudWatch::Dashboard")[0];
    let text = dashboard["DashboardBody"]["Fn::Sub"].as_str().unwrap();
    let body: Value = serde_json::from_str(text).unwrap();
    let widgets = body["widgets"].as_array().unwrap();
    let shown: BTreeSet<_> =
        widgets[0]["properties"]["alarms"].as_array().unwrap().iter().map(Value::to_string).collect();
    let alarms = resources(&template, "AWS::CloudWatch::Alarm");
    let expected: BTreeSet<_> = alarms.iter().map(|(name, _)| format!("\"${{{name}.Arn}}\"")).collect();
    assert_eq!(shown, expected);
    for metric in widgets[1..].iter().flat_map(|widget| widget["properties"]["metrics"].as_array().unwrap()) {
        let parts: Vec<_> = metric.as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let is_known = match parts[..] {
            [log::NAMESPACE, name, "Stage", _] => log::REQUEST_METRICS.iter().any(|(known, _)| *known == name),
            [log::NAMESPACE, name, "Stage", _, "Job", _] => log::JOB_METRICS.contains(&name),
            [space, name, dimension, _] => {
                PUBLISHED.iter().any(|(s, m, d)| *s == space && *m == name && *d == [dimension])
            }
            _ => false,
        };
        assert!(is_known, "{metric}");
    }
}

#[test]
fn a_release_that_fails_is_taken_back_and_can_be_replaced_while_its_alarm_is_red() {
    let template = translated();
    let groups = resources(&template, "AWS::CodeDeploy::DeploymentGroup");
    assert_eq!(groups.len(), FUNCTIONS.len());
    for (name, group) in groups {
        let alarms = &group["AlarmConfiguration"]["Fn::If"];
        let is_background = ["Renewals", "Stream", "Courier"].iter().any(|function| name.starts_with(function));
        let expected: &[&str] = if is_background { &["BackgroundErrors"] } else { &["ServerErrors", "ApiErrors"] };
        let expected: Vec<_> = expected.iter().map(|alarm| json!({"Name": {"Ref": alarm}})).collect();
        assert_eq!((&alarms[0], &alarms[1]["Alarms"]), (&json!("IsCanary"), &json!(expected)), "{name}");
        assert_eq!(alarms[2], json!({}), "{name}: no alarm holds back what replaces a broken release");
        let kinds = group["DeploymentConfigName"]["Fn::If"].to_string();
        assert!(kinds.contains("Canary10Percent5Minutes") && kinds.contains("AllAtOnce"), "{name}: {kinds}");
    }
    // Nothing that the deployments wait for waits for them.
    let (_, api) = resources(&template, "AWS::ApiGatewayV2::Api")[0];
    assert!(!api.to_string().contains("Alias"), "the gateway names functions, and refers to none");
}

#[test]
fn a_changed_parameter_publishes_a_version_of_each_function_that_it_configures() {
    let template = translated();
    let limit = |parameter: &str| {
        let declared = &template["Parameters"][parameter];
        let hash = declared["AllowedPattern"].as_str().filter(|pattern| pattern.contains("{64}")).map(|_| 64);
        declared["MaxLength"].as_u64().or(hash).unwrap_or_else(|| panic!("{parameter} has no longest value"))
    };
    let versions = resources(&template, "AWS::Lambda::Version");
    for (name, function) in resources(&template, "AWS::Lambda::Function") {
        let variables = function["Environment"]["Variables"].as_object().unwrap().values();
        let refs: BTreeSet<_> = variables.filter_map(|value| value["Ref"].as_str()).collect();
        let parameters: Vec<_> = refs.into_iter().filter(|name| !template["Parameters"][name].is_null()).collect();
        let (_, version) = versions.iter().find(|(_, version)| version["FunctionName"]["Ref"] == **name).unwrap();
        // Those that tell only whether a parameter is set.
        let variables = function["Environment"]["Variables"].as_object().unwrap().values();
        let conditions: Vec<_> = variables.filter_map(|value| value["Fn::If"][0].as_str()).collect();
        for text in [&function["Description"], &version["Description"]] {
            let given = &text["Fn::Sub"][1];
            for condition in &conditions {
                let texts = given.as_object().unwrap_or_else(|| panic!("{name}: {condition}")).values();
                assert_eq!(texts.filter(|text| text["Fn::If"][0] == *condition).count(), 1, "{name}: {condition}");
            }
            let limit = |parameter: &str| match given[parameter]["Fn::If"].as_array() {
                Some(either) => either[1..].iter().map(|text| text.as_str().unwrap().len() as u64).max().unwrap(),
                None => limit(parameter),
            };
            let text = text["Fn::Sub"][0].as_str().or_else(|| text["Fn::Sub"].as_str()).unwrap();
            // A stage is a stack of its own.
            for parameter in parameters.iter().filter(|parameter| **parameter != "Stage") {
                assert!(text.contains(&format!("${{{parameter}}}")), "{name}: {parameter}");
            }
            let named = text.split("${").skip(1).map(|rest| rest.split_once('}').unwrap());
            let longest: u64 = named.map(|(name, after)| limit(name) + after.len() as u64).sum();
            assert!(longest <= 256, "{name}: {longest} characters, of 256 that Lambda takes");
        }
    }
}

#[test]
fn every_name_of_a_stack_carries_its_stage() {
    let template = translated();
    // Where CloudFormation would name a resource by the stack, it does; where it is named, by us or by SAM, the stage is in it.
    let names = [
        "FunctionName",
        "Name",
        "LogGroupName",
        "AliasName",
        "AlarmName",
        "QueueName",
        "TableName",
        "BucketName",
        "RuleName",
    ];
    let kinds = ["Function", "Schedule", "LogGroup", "Alias", "Alarm", "EventBus", "Queue", "Table", "QueryDefinition"];
    for (id, resource) in template["Resources"].as_object().unwrap() {
        let kind = resource["Type"].as_str().unwrap().rsplit("::").next().unwrap();
        for name in names.iter().filter(|_| kinds.contains(&kind)) {
            let named = &resource["Properties"][name];
            let is_own = *name == "Name" || named.is_string() || named["Fn::Sub"].is_string();
            if named.is_null() || named["Ref"].is_string() || named == "live" || !is_own {
                continue;
            }
            assert!(named.to_string().contains("${Stage}"), "{id}: {name} is {named}");
        }
    }
    let schedules = resources(&template, "AWS::Scheduler::Schedule");
    assert!(
        schedules.iter().all(|(_, schedule)| !schedule["Name"].is_null()),
        "SAM names them by the function otherwise"
    );
}

#[test]
fn every_function_has_its_log_group() {
    let template = translated();
    let logs: BTreeSet<_> = resources(&template, "AWS::Logs::LogGroup")
        .iter()
        .filter(|(_, logs)| !logs["RetentionInDays"].is_null())
        .filter_map(|(_, logs)| logs["LogGroupName"]["Fn::Sub"].as_str())
        .collect();
    for (_, function) in resources(&template, "AWS::Lambda::Function") {
        let name = function_name(function);
        assert!(logs.contains(format!("/aws/lambda/ltlm-${{Stage}}-{name}").as_str()), "{name}");
        for variable in ["LTLM_TABLE", "LTLM_STAGE", "LTLM_COUNTRY_HEADER"] {
            assert!(!function["Environment"]["Variables"][variable].is_null(), "{name}: {variable}");
        }
    }
    for (name, query) in resources(&template, "AWS::Logs::QueryDefinition") {
        assert_eq!(query["LogGroupNames"].as_array().unwrap().len(), FUNCTIONS.len(), "{name}");
    }
}

#[test]
fn the_renewals_run_nightly_and_hourly_and_lose_no_message() {
    let template = translated();
    let schedules: BTreeSet<_> = resources(&template, "AWS::Scheduler::Schedule")
        .into_iter()
        .map(|(_, schedule)| schedule["ScheduleExpression"].as_str().unwrap().to_owned())
        .collect();
    // Together every hour, on the hour.
    let expected = ["cron(0 0-1,3-23 * * ? *)", "cron(0 2 * * ? *)"].map(str::to_owned);
    assert_eq!(schedules, BTreeSet::from(expected));
    let queues: BTreeMap<_, _> = resources(&template, "AWS::SQS::Queue").into_iter().collect();
    let queue = queues[&"RenewalsQueue".to_owned()];
    assert_eq!(queue["RedrivePolicy"]["maxReceiveCount"], 5);
    assert_eq!(queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0], "RenewalsDeadLetters");
    let functions = resources(&template, "AWS::Lambda::Function");
    let (_, function) = functions.iter().find(|(_, f)| function_name(f) == "renewals").unwrap();
    let timeout = function["Timeout"].as_i64().unwrap();
    assert!(queue["VisibilityTimeout"].as_i64().unwrap() >= 6 * timeout);
    let mappings = resources(&template, "AWS::Lambda::EventSourceMapping");
    let (_, mapping) = mappings.iter().find(|(name, _)| name.starts_with("Renewals")).unwrap();
    let (_, changes) = mappings.iter().find(|(name, _)| name.starts_with("Stream")).unwrap();
    assert_eq!(changes["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"][0], "StreamDeadLetters");
    assert_eq!(mapping["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]));
    assert!(mapping["BatchSize"].as_i64().unwrap() <= 10);
}

#[test]
fn the_table_is_the_one_that_the_code_expects_and_is_safe() {
    let template = translated();
    let (_, table) = resources(&template, "AWS::DynamoDB::Table")[0];
    let key = |schema: &Value| -> Vec<String> {
        schema.as_array().unwrap().iter().map(|k| k["AttributeName"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(key(&table["KeySchema"]), KEY_ATTRIBUTES[..2]);
    for (place, (name, projection)) in [(LIST_INDEX, "ALL"), (DUE_INDEX, "KEYS_ONLY")].into_iter().enumerate() {
        let index = &table["GlobalSecondaryIndexes"][place];
        assert_eq!(index["IndexName"], name);
        assert_eq!(key(&index["KeySchema"]), KEY_ATTRIBUTES[2 + 2 * place..4 + 2 * place]);
        assert_eq!(index["Projection"]["ProjectionType"], projection);
    }
    assert_eq!(table["BillingMode"], "PAY_PER_REQUEST");
    assert_eq!(table["DeletionProtectionEnabled"], true);
    assert_eq!(table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], true);
    assert_eq!(table["TimeToLiveSpecification"]["Enabled"], true);
    assert!(!table["StreamSpecification"]["StreamViewType"].is_null());
    assert_eq!(template["Resources"]["Table"]["UpdateReplacePolicy"], "Retain");
    assert_eq!(template["Resources"]["Key"]["Properties"]["EnableKeyRotation"], true);
}

#[test]
fn pages_of_other_origins_hear_the_same_from_the_gateway_and_from_us() {
    let template = translated();
    let (_, api) = resources(&template, "AWS::ApiGatewayV2::Api").into_iter().next().unwrap();
    let cors = &api["Body"]["x-amazon-apigateway-cors"];
    let told = |name: &str| {
        let list = cors[name].as_array().unwrap_or_else(|| panic!("{name} in {cors}"));
        list.iter().map(|text| text.as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    let ours = |list: &str| list.split(", ").map(str::to_owned).collect::<BTreeSet<_>>();
    assert_eq!(told("allowHeaders"), ours(reply::ALLOWED_HEADERS));
    assert_eq!(told("exposeHeaders"), ours(reply::EXPOSED_HEADERS));
    assert_eq!(told("allowMethods"), ours(reply::ALLOWED_METHODS));
}

#[test]
fn functions_that_only_read_may_write_buckets_alone() {
    let template = translated();
    let names = [
        "license",
        "seats",
        "usage",
        "settings",
        "pro-settings",
        "pro-events",
        "store",
        "portal",
        "sign-in",
        "webhooks",
        "tokens",
    ];
    for name in names {
        let roles = resources(&template, "AWS::IAM::Role");
        let role =
            roles.iter().find(|(role, _)| role.to_lowercase() == format!("{}functionrole", name.replace('-', "")));
        let text = role.unwrap().1["Policies"].to_string();
        let statements: Vec<Value> = serde_json::from_str::<Value>(&text)
            .unwrap()
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap().clone())
            .collect();
        let updates: Vec<_> = statements.iter().filter(|s| s["Action"].to_string().contains("UpdateItem")).collect();
        assert_eq!(updates.len(), 1, "{name}");
        let keys = &updates[0]["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
        assert_eq!(keys, &json!([shared::table::key::bucket("*").pk]), "{name}");
    }
}
