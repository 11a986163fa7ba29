//! `template.yaml`, translated to plain CloudFormation (`cargo xtask template`), against the routes and the schema.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use shared::api::extract::{EDGE_HEADER, HOST_HEADER};
use shared::api::function::Client;
use shared::api::reply;
use shared::api::router::PREFIX;
use shared::api::routes::Route;
use shared::api::routes::{FUNCTIONS, ROUTES};
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
fn every_route_leads_to_its_function_by_an_integration_of_the_functions() {
    let template = translated();
    let (_, api) = resources(&template, "AWS::ApiGatewayV2::Api")[0];
    let integrations = api["Body"]["components"]["x-amazon-apigateway-integrations"].as_object().unwrap();
    let mut found = BTreeSet::new();
    for (path, methods) in api["Body"]["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let pointer = operation["x-amazon-apigateway-integration"]["$ref"].as_str().unwrap();
            let name = pointer.strip_prefix("#/components/x-amazon-apigateway-integrations/").unwrap();
            let target = integrations[name]["uri"].to_string();
            let function = FUNCTIONS
                .iter()
                // Its name, whole: `pro-heartbeat` is not `heartbeat`.
                .find(|f| target.contains(&format!(":function:ltlm-${{Stage}}-{}:live/", f.name)))
                .expect(&target);
            found.insert((method.to_uppercase(), path.clone(), function.name.to_owned()));
        }
    }
    let row = |route: &Route| (route.method.to_owned(), route.path.to_owned(), route.function.to_owned());
    assert_eq!(found, ROUTES.iter().map(row).collect());
    // An HTTP API takes 300 of either (AWS documentation, 2026-11); of integrations never more.
    assert!(integrations.len() <= FUNCTIONS.len() && found.len() <= 290, "{} routes", found.len());
}

/// The gateway serves a named stage under its name: so every route is there with the prefix, too, at the same rates.
#[test]
fn the_prefix_is_a_stage_with_the_routes_and_rates_of_the_other() {
    let template = translated();
    let stages = resources(&template, "AWS::ApiGatewayV2::Stage");
    let named = |name: &str| stages.iter().find(|(_, stage)| stage["StageName"] == name).unwrap();
    let ((root_id, root), (prefix_id, prefix)) = (named("$default"), named(PREFIX.trim_start_matches('/')));
    assert_eq!(stages.len(), 2);
    for setting in ["ApiId", "AutoDeploy", "DefaultRouteSettings", "RouteSettings", "AccessLogSettings"] {
        assert_eq!(root[setting], prefix[setting], "{setting}");
        assert!(!root[setting].is_null(), "{setting}");
    }
    let limited = root["RouteSettings"].as_object().unwrap().keys();
    let is_known = |key: &String| ROUTES.iter().any(|route| *key == format!("{} {}", route.method, route.path));
    assert!(limited.clone().all(is_known), "{limited:?}");
    // A name of one's own leads to both.
    let mappings = resources(&template, "AWS::ApiGatewayV2::ApiMapping");
    let keys: BTreeSet<_> = mappings
        .iter()
        .map(|(_, mapping)| (mapping["Stage"]["Ref"].as_str().unwrap(), mapping["ApiMappingKey"].as_str()))
        .collect();
    let prefix = PREFIX.trim_start_matches('/');
    assert_eq!(keys, BTreeSet::from([(root_id.as_str(), None), (prefix_id.as_str(), Some(prefix))]));
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
            // A statement may depend on a condition: Fn::If [condition, statement, nothing].
            .map(|s| if s["Fn::If"].is_null() { s } else { &s["Fn::If"][1] })
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
        assert_eq!(actions(json!({"Fn::GetAtt": ["TableArn", "Value"]})), table, "{}", function.name);
        for index in [DUE_INDEX, LIST_INDEX] {
            let query: BTreeSet<_> =
                function.indexes.contains(&index).then(|| "dynamodb:Query".to_owned()).into_iter().collect();
            assert_eq!(
                actions(json!({"Fn::Sub": format!("${{TableArn.Value}}/index/{index}")})),
                query,
                "{}",
                function.name
            );
        }
        let keys: BTreeSet<_> = function.key_actions.iter().map(|a| format!("kms:{a}")).collect();
        assert_eq!(actions(json!({"Fn::GetAtt": ["KeyArn", "Value"]})), keys, "{}", function.name);
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
    // The text, and the variables in it that are no resources.
    let text = dashboard["DashboardBody"]["Fn::Sub"][0].as_str().unwrap();
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
        let is_background = ["Renewals", "Stream", "Delivery"].iter().any(|function| name.starts_with(function));
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

/// The parameters that a value depends on, those that decide its conditions included.
fn parameters_of(template: &Value, value: &Value) -> BTreeSet<String> {
    let of = |value: &Value| parameters_of(template, value);
    let condition = |name: &Value| of(&template["Conditions"][name.as_str().unwrap()]);
    match value {
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, value)| match name.as_str() {
                "Ref" => BTreeSet::from([value.as_str().unwrap().to_owned()]),
                "Condition" => condition(value),
                "Fn::If" => [condition(&value[0]), of(&value[1]), of(&value[2])].into_iter().flatten().collect(),
                _ => of(value),
            })
            .collect(),
        Value::Array(values) => values.iter().flat_map(of).collect(),
        _ => BTreeSet::new(),
    }
}

/// A condition or an assertion of the template, of the parameters' defaults and what is `set`.
fn holds(template: &Value, set: &[(&str, &str)], condition: &Value) -> bool {
    let (operator, operands) = condition.as_object().unwrap().iter().next().unwrap();
    let all = || operands.as_array().unwrap().iter();
    let text = |value: &Value| match value["Ref"].as_str() {
        None => value.as_str().unwrap().to_owned(),
        Some(name) => {
            let given = set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
            let default = &template["Parameters"][name]["Default"];
            given.or_else(|| default.as_str().map(str::to_owned)).unwrap_or_else(|| default.to_string())
        }
    };
    match operator.as_str() {
        "Condition" => holds(template, set, &template["Conditions"][operands.as_str().unwrap()]),
        "Fn::Equals" => {
            let literal = |value: &Value| value.as_i64().map_or_else(|| text(value), |number| number.to_string());
            literal(&operands[0]) == literal(&operands[1])
        }
        "Fn::Not" => !holds(template, set, &operands[0]),
        "Fn::And" => all().all(|operand| holds(template, set, operand)),
        "Fn::Or" => all().any(|operand| holds(template, set, operand)),
        _ => panic!("{condition}"),
    }
}

/// What the rules say of the parameters.
fn complaints(template: &Value, set: &[(&str, &str)]) -> Vec<String> {
    let rules = template["Rules"].as_object().unwrap().values();
    // Without a condition a rule always applies.
    let applied = rules.filter(|rule| rule["RuleCondition"].is_null() || holds(template, set, &rule["RuleCondition"]));
    let assertions = applied.flat_map(|rule| rule["Assertions"].as_array().unwrap());
    let broken = assertions.filter(|assertion| !holds(template, set, &assertion["Assert"]));
    broken.map(|assertion| assertion["AssertDescription"].as_str().unwrap().to_owned()).collect()
}

/// The resources for a name of one's own and an edge that are made, by their names.
fn doors(template: &Value, set: &[(&str, &str)]) -> BTreeSet<String> {
    let resources = template["Resources"].as_object().unwrap();
    // What the stack makes unless it is there already is of another test.
    let data = ["Table", "Key"];
    let conditional =
        resources.iter().filter(|(name, resource)| !resource["Condition"].is_null() && !data.contains(&name.as_str()));
    let made = conditional.filter(|(_, resource)| holds(template, set, &json!({"Condition": resource["Condition"]})));
    let names = made.map(|(name, _)| name.clone());
    names.filter(|name| ["Gateway", "Domain", "Distribution"].iter().any(|door| name.starts_with(door))).collect()
}

const AT_THE_GATEWAY: &[(&str, &str)] =
    &[("DomainName", "licenses.example.com"), ("CertificateArn", "arn:aws:acm:eu-west-1:000000000000:certificate/1")];
const AT_CLOUDFRONT: &[(&str, &str)] = &[
    ("Edge", "cloudfront"),
    ("DomainName", "licenses.example.com"),
    ("EdgeCertificateArn", "arn:aws:acm:us-east-1:000000000000:certificate/1"),
    ("EdgeSecret", "kqv0OQcGzCzY3nRjTQh2m1W4b6x8d9e0"),
    ("EdgeSecretSha256", "00"),
];

fn with<'a>(base: &[(&'a str, &'a str)], more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    more.iter().chain(base).copied().collect()
}

#[test]
fn a_domain_and_an_edge_are_there_where_they_are_asked_for_and_nowhere_else() {
    let template = translated();
    let zone = [("HostedZoneId", "Z1")];
    let cases: [(Vec<_>, &[&str]); 5] = [
        (vec![], &[]),
        (AT_THE_GATEWAY.to_vec(), &["GatewayDomain", "GatewayMapping", "GatewayPrefixMapping"]),
        (with(AT_THE_GATEWAY, &zone), &["GatewayDomain", "GatewayMapping", "GatewayPrefixMapping", "DomainRecords"]),
        (AT_CLOUDFRONT.to_vec(), &["Distribution"]),
        (with(AT_CLOUDFRONT, &zone), &["Distribution", "DomainRecords"]),
    ];
    for (set, made) in cases {
        assert_eq!(complaints(&template, &set), Vec::<String>::new(), "{set:?}");
        assert_eq!(doors(&template, &set), made.iter().map(|name| (*name).to_owned()).collect(), "{set:?}");
    }
    for kind in ["AWS::ApiGatewayV2::DomainName", "AWS::CloudFront::Distribution", "AWS::Route53::RecordSetGroup"] {
        let all = template["Resources"].as_object().unwrap().values().filter(|resource| resource["Type"] == kind);
        assert!(all.into_iter().all(|resource| !resource["Condition"].is_null()), "{kind}");
    }
}

#[test]
fn parameters_that_make_no_sense_together_are_refused_with_a_sentence() {
    let template = translated();
    let lacking = |base: &[(&'static str, &'static str)], name: &'static str| with(base, &[(name, "")]);
    let cases = [
        (vec![("Edge", "cloudfront")], "needs DomainName"),
        (lacking(AT_CLOUDFRONT, "DomainName"), "needs DomainName"),
        (lacking(AT_CLOUDFRONT, "EdgeCertificateArn"), "needs EdgeCertificateArn"),
        (lacking(AT_CLOUDFRONT, "EdgeSecret"), "needs EdgeSecret and EdgeSecretSha256"),
        (lacking(AT_CLOUDFRONT, "EdgeSecretSha256"), "needs EdgeSecret and EdgeSecretSha256"),
        (with(AT_CLOUDFRONT, &[("CountryHeader", "cf-ipcountry")]), "leave both empty"),
        (with(AT_CLOUDFRONT, &[("AddressHeader", "x-real-ip")]), "leave both empty"),
        (with(AT_CLOUDFRONT, &[("CertificateArn", "arn")]), "leave CertificateArn empty"),
        (lacking(AT_THE_GATEWAY, "CertificateArn"), "DomainName needs CertificateArn"),
        (lacking(AT_THE_GATEWAY, "DomainName"), "are for DomainName"),
        (vec![("HostedZoneId", "Z1")], "are for DomainName"),
        (vec![("WebAclArn", "arn")], "takes no web ACL"),
        (with(AT_THE_GATEWAY, &[("EdgeCertificateArn", "arn")]), "are for Edge=cloudfront"),
        (vec![("EdgeSecret", "x")], "are for Edge=cloudfront"),
        (vec![("EdgeSecretSha256", "00")], "need each other"),
        (vec![("AddressHeader", "x-real-ip")], "need each other"),
        (vec![("DirectCalls", "refused")], "no caller could reach the API"),
    ];
    for (set, sentence) in cases {
        let answer = complaints(&template, &set);
        assert!(answer.iter().any(|answer| answer.contains(sentence)), "{set:?}: {answer:?}");
    }
}

#[test]
fn the_gateways_own_address_is_closed_only_where_the_domain_leads_around_it() {
    let template = translated();
    let (_, api) = resources(&template, "AWS::ApiGatewayV2::Api")[0];
    let endpoint = &api["Body"]["servers"][0]["x-amazon-apigateway-endpoint-configuration"];
    let closed = &endpoint["disableExecuteApiEndpoint"]["Fn::If"];
    assert_eq!((&closed[1], &closed[2]), (&json!(true), &json!(false)));
    let is_closed = |set: &[(&str, &str)]| holds(&template, set, &json!({"Condition": closed[0]}));
    let refused = [("DirectCalls", "refused")];
    assert!(!is_closed(&[]) && !is_closed(AT_THE_GATEWAY) && !is_closed(AT_CLOUDFRONT));
    assert!(is_closed(&with(AT_THE_GATEWAY, &refused)));
    // The distribution calls it: there the functions refuse.
    assert!(!is_closed(&with(AT_CLOUDFRONT, &refused)));
    assert!(!is_closed(&with(&refused, &[("EdgeSecretSha256", "00"), ("AddressHeader", "x-real-ip")])));
    for (name, function) in resources(&template, "AWS::Lambda::Function") {
        let answer = &function["Environment"]["Variables"]["LTLM_DIRECT_CALLS"];
        assert_eq!(answer, &json!({"Ref": "DirectCalls"}), "{name}");
    }
    // The gateway's own address is an output while it serves callers, and the base URL is the domain if there is one.
    let gateway = &template["Outputs"]["GatewayUrl"]["Condition"];
    let is_told = |set: &[(&str, &str)]| holds(&template, set, &json!({"Condition": gateway}));
    assert!(is_told(AT_CLOUDFRONT) && is_told(AT_THE_GATEWAY) && !is_told(&[]));
    assert!(!is_told(&with(AT_CLOUDFRONT, &refused)) && !is_told(&with(AT_THE_GATEWAY, &refused)));
    let url = &template["Outputs"]["ApiUrl"]["Value"]["Fn::If"];
    assert_eq!((&url[0], &url[1]), (&json!("HasDomain"), &json!({"Fn::Sub": "https://${DomainName}"})));
    assert!(url[2]["Fn::Sub"].as_str().unwrap().starts_with("https://${Api}.execute-api."));
}

#[test]
fn the_domain_takes_tls_1_2_and_ipv6() {
    let template = translated();
    let (_, domain) = resources(&template, "AWS::ApiGatewayV2::DomainName")[0];
    let settings = &domain["DomainNameConfigurations"][0];
    assert_eq!(settings["SecurityPolicy"], "TLS_1_2");
    assert_eq!(settings["IpAddressType"], "dualstack");
    for (name, records) in resources(&template, "AWS::Route53::RecordSetGroup") {
        let kinds: Vec<_> = records["RecordSets"].as_array().unwrap().iter().map(|record| &record["Type"]).collect();
        assert_eq!(kinds, ["A", "AAAA"], "{name}");
    }
}

#[test]
fn the_distribution_hands_on_what_functions_read_and_keeps_nothing() {
    let template = translated();
    let (_, distribution) = resources(&template, "AWS::CloudFront::Distribution")[0];
    let config = &distribution["DistributionConfig"];
    let behavior = &config["DefaultCacheBehavior"];
    assert!(config["CacheBehaviors"].is_null());
    // Managed policies (AWS documentation, 2026-11): CachingDisabled; AllViewerExceptHostHeader, which hands on the headers of the caller but
    // Host, and those of the viewer's location, the country and the address.
    assert_eq!(behavior["CachePolicyId"], "4135ea2d-6df8-44a3-9df3-4b5a84be39ad");
    assert_eq!(behavior["OriginRequestPolicyId"], "b689b0a8-53d0-40ab-baf2-68738e2966ac");
    let uncached = config["CustomErrorResponses"].as_array().unwrap().iter();
    let uncached: BTreeSet<_> = uncached
        .filter(|error| error["ErrorCachingMinTTL"] == 0)
        .filter_map(|error| error["ErrorCode"].as_i64())
        .collect();
    // What CloudFront keeps of an origin's errors otherwise (AWS documentation, 2026-11).
    assert_eq!(uncached, BTreeSet::from([400, 403, 404, 405, 414, 500, 501, 502, 503, 504]));
    let methods: BTreeSet<_> =
        behavior["AllowedMethods"].as_array().unwrap().iter().map(|m| m.as_str().unwrap()).collect();
    assert!(ROUTES.iter().all(|route| methods.contains(route.method)) && methods.contains("OPTIONS"));
    assert_eq!(behavior["ViewerProtocolPolicy"], "https-only");
    assert_eq!(config["ViewerCertificate"]["MinimumProtocolVersion"], "TLSv1.2_2021");
    assert_eq!((&config["IPV6Enabled"], &config["HttpVersion"]), (&json!(true), &json!("http2and3")));
    let origin = &config["Origins"][0];
    assert_eq!(origin["CustomOriginConfig"]["OriginProtocolPolicy"], "https-only");
    assert_eq!(origin["CustomOriginConfig"]["OriginSSLProtocols"], json!(["TLSv1.2"]));
    assert!(origin["CustomOriginConfig"]["OriginReadTimeout"].as_i64().unwrap() > 30, "longer than the gateway waits");
    let added: BTreeMap<_, _> = origin["OriginCustomHeaders"]
        .as_array()
        .unwrap()
        .iter()
        .map(|header| (header["HeaderName"].as_str().unwrap(), &header["HeaderValue"]))
        .collect();
    let (secret, host) = (json!({"Ref": "EdgeSecret"}), json!({"Ref": "DomainName"}));
    assert_eq!(added, BTreeMap::from([(EDGE_HEADER, &secret), (HOST_HEADER, &host)]));
    for (name, function) in resources(&template, "AWS::Lambda::Function") {
        let variables = &function["Environment"]["Variables"];
        for (variable, header) in [("COUNTRY", "country"), ("ADDRESS", "address")] {
            let answer = &variables[format!("LTLM_{variable}_HEADER")]["Fn::If"];
            assert_eq!(answer[0], "HasCloudFront", "{name}");
            assert_eq!(answer[1], format!("cloudfront-viewer-{header}"), "{name}");
        }
    }
}

#[test]
fn the_secret_of_the_edge_stands_nowhere_but_at_the_distribution() {
    let template = translated();
    let parameter = &template["Parameters"]["EdgeSecret"];
    assert_eq!((&parameter["NoEcho"], &parameter["Default"]), (&json!(true), &json!("")));
    assert!(!template["Outputs"].to_string().contains("EdgeSecret"));
    let text = |value: &Value| value.to_string().replace("EdgeSecretSha256", "");
    let holders = template["Resources"].as_object().unwrap().iter();
    let holders: Vec<_> =
        holders.filter(|(_, r)| text(r).contains("EdgeSecret")).map(|(name, _)| name.as_str()).collect();
    assert_eq!(holders, ["Distribution"]);
}

#[test]
fn the_web_acl_counts_unless_told_to_refuse_and_reads_no_body() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/waf.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    let mode = text.split("\n  Mode:\n").nth(1).unwrap().split("Description:").next().unwrap();
    assert!(mode.contains("Default: count\n"), "{mode}");
    let rules: Vec<_> = text.split("        - Name: ").skip(1).collect();
    assert_eq!(rules.len(), text.matches("Priority:").count());
    for rule in rules {
        let action = rule.split("Statement:").next().unwrap();
        assert!(action.contains("Action: !If") && action.contains("Blocks") && action.contains("Count: {}"), "{rule}");
        // Of AWS's rule groups the one that looks at addresses alone.
        let looks_at_addresses =
            rule.contains("AWSManagedRulesAmazonIpReputationList") || rule.contains("AggregateKeyType: IP");
        assert!(looks_at_addresses && !rule.contains("FieldToMatch"), "{rule}");
    }
    assert!(!text.contains("SampledRequestsEnabled: true"), "samples show license keys in paths");
}

#[test]
fn a_changed_parameter_publishes_a_version_of_each_function_that_it_configures() {
    let template = translated();
    let limit = |parameter: &str| {
        let declared = &template["Parameters"][parameter];
        let hash = declared["AllowedPattern"].as_str().filter(|pattern| pattern.contains("{64}")).map(|_| 64);
        let choices = declared["AllowedValues"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let choice = choices.map(|choice| choice.len() as u64).max();
        declared["MaxLength"].as_u64().or(hash).or(choice).unwrap_or_else(|| panic!("{parameter} has no longest value"))
    };
    let versions = resources(&template, "AWS::Lambda::Version");
    for (name, function) in resources(&template, "AWS::Lambda::Function") {
        let variables = function["Environment"]["Variables"].as_object().unwrap().values();
        // What tells only whether a parameter is set: a text or another.
        let is_told = |value: &&Value| value["Fn::If"][1].is_string() && value["Fn::If"][2].is_string();
        let refs: BTreeSet<_> =
            variables.filter(|value| !is_told(value)).flat_map(|value| parameters_of(&template, value)).collect();
        let parameters: Vec<_> =
            refs.iter().map(String::as_str).filter(|name| !template["Parameters"][name].is_null()).collect();
        let (_, version) = versions.iter().find(|(_, version)| version["FunctionName"]["Ref"] == **name).unwrap();
        let variables = function["Environment"]["Variables"].as_object().unwrap().values();
        let conditions: Vec<_> = variables.filter(is_told).filter_map(|value| value["Fn::If"][0].as_str()).collect();
        for text in [&function["Description"], &version["Description"]] {
            let given = &text["Fn::Sub"][1];
            for condition in &conditions {
                let texts = given.as_object().unwrap_or_else(|| panic!("{name}: {condition}")).values();
                assert_eq!(texts.filter(|text| text["Fn::If"][0] == *condition).count(), 1, "{name}: {condition}");
            }
            let limit = |parameter: &str| match given[parameter]["Fn::If"].as_array() {
                // What is no text is the part of the parameter behind the account: an ARN is this long before it, at least.
                Some(either) => {
                    let before = "arn:aws:secretsmanager:us-east-1:000000000000:secret:".len() as u64;
                    let longest = |text: &Value| {
                        text.as_str().map_or_else(|| limit(parameter) - before, |text| text.len() as u64)
                    };
                    either[1..].iter().map(longest).max().unwrap()
                }
                None => limit(parameter),
            };
            let text = text["Fn::Sub"][0].as_str().or_else(|| text["Fn::Sub"].as_str()).unwrap();
            // A stage is a stack of its own; a stream comes and goes with its table.
            let apart = ["Stage", "ExistingTableStreamArn"];
            for parameter in parameters.iter().filter(|parameter| !apart.contains(parameter)) {
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
    let kinds = [
        "Function",
        "Schedule",
        "LogGroup",
        "Alias",
        "Alarm",
        "EventBus",
        "Queue",
        "Table",
        "QueryDefinition",
        "Parameter",
    ];
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

/// A program is linked with the clients that its row names: one that is not configured would never be used, and one that is missing
/// not be there when it is.
#[test]
fn every_function_is_configured_for_the_clients_that_it_has() {
    let template = translated();
    for (_, properties) in resources(&template, "AWS::Lambda::Function") {
        let name = function_name(properties);
        let function = FUNCTIONS.iter().find(|function| function.name == name).unwrap();
        let is_set = |variable: &str| !properties["Environment"]["Variables"][variable].is_null();
        assert_eq!(is_set("LTLM_KMS_KEY"), !function.key_actions.is_empty(), "{name}");
        assert_eq!(is_set("LTLM_PAYMENT_SECRET"), function.clients.contains(&Client::Payments), "{name}");
        assert_eq!(is_set("LTLM_OUTBOX_URL"), function.clients.contains(&Client::Outbox), "{name}");
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

/// A restore: the stack takes a table, and perhaps a key, that is there already, and makes none.
#[test]
fn a_stack_takes_a_table_and_a_key_that_are_there_already() {
    let template = translated();
    let (table, key) = (&template["Resources"]["Table"], &template["Resources"]["Key"]);
    let not = |condition: &str| json!({"Fn::Not": [{"Condition": condition}]});
    assert_eq!(template["Conditions"][table["Condition"].as_str().unwrap()], not("HasExistingTable"));
    assert_eq!(template["Conditions"][key["Condition"].as_str().unwrap()], not("HasExistingKey"));
    // Whatever names the table or the key does so where it is known whose it is.
    for (id, resource) in template["Resources"].as_object().unwrap() {
        let text = resource.to_string();
        for direct in
            [r#"{"Fn::GetAtt":["Table","Arn"]}"#, r#"{"Fn::GetAtt":["Table","StreamArn"]}"#, r#"{"Ref":"Table"}"#]
        {
            let chosen = text.matches(r#"{"Fn::If":["HasExistingTable","#).count();
            assert!(text.matches(direct).count() <= chosen, "{id} names the stack's own table");
        }
        let own_key = r#"{"Fn::GetAtt":["Key","Arn"]}"#;
        assert!(!text.contains(own_key) || id == "KeyArn", "{id} names the stack's own key");
    }
    // In place: functions that go on with another table are published anew, so its name stands in the descriptions of their versions.
    for (name, version) in resources(&template, "AWS::Lambda::Version") {
        assert!(version["Description"].to_string().contains("${ExistingTable}"), "{name}");
    }
    let rule = &template["Rules"]["ExistingTableHasStream"];
    assert!(rule["Assertions"][0]["AssertDescription"].as_str().unwrap().contains("ExistingTableStreamArn"));
}

#[test]
fn pages_of_other_origins_hear_the_same_from_the_gateway_and_from_us() {
    let template = translated();
    let (_, api) = resources(&template, "AWS::ApiGatewayV2::Api").into_iter().next().unwrap();
    let cors = &api["Body"]["x-amazon-apigateway-cors"];
    let answer = |name: &str| {
        let list = cors[name].as_array().unwrap_or_else(|| panic!("{name} in {cors}"));
        list.iter().map(|text| text.as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    let ours = |list: &str| list.split(", ").map(str::to_owned).collect::<BTreeSet<_>>();
    assert_eq!(answer("allowHeaders"), ours(reply::ALLOWED_HEADERS));
    assert_eq!(answer("exposeHeaders"), ours(reply::EXPOSED_HEADERS));
    assert_eq!(answer("allowMethods"), ours(reply::ALLOWED_METHODS));
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
