//! `template.yaml`, made of `infra/stack.yaml`, which is written by hand, and of the table of functions and routes.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use shared::api::function::{Client, Function, Setting};
use shared::api::routes::Route;
use shared::api::routes::{FUNCTIONS, ROUTES};

/// What stands before everything.
const HEAD: &str = "# Made by `cargo xtask docs` of infra/stack.yaml and shared/src/api/rows.rs: change those.\n";
/// What a line of the stack ends with that stands for something generated.
const MARK: &str = "# generated: ";
/// The parameters that every function is configured by, in the descriptions of its versions.
const PARAMETERS: &str = "${ExistingTable}|${CountryHeader}|${AddressHeader}|${EdgeSecretSha256}|${Edge}${DirectCalls}";
/// What stands there for parameters that are one of two words. Lambda takes 256 characters.
const MARKS: [&str; 2] = ["Edge: !If [HasCloudFront, c, '']", "DirectCalls: !If [RefusesDirectCalls, r, '']"];
/// And for the payment provider's secret: its name, since a stack stays in its account and region.
const SECRET: &str = "PaymentSecretArn: !If [HasPayments, !Select [6, !Split [':', !Ref PaymentSecretArn]], '']";

/// The template, of the text of `infra/stack.yaml`.
///
/// # Errors
///
/// A line asks for something that cannot be generated: says for what.
pub fn document(stack: &str) -> Result<String, String> {
    let mut text = HEAD.to_owned();
    for line in stack.lines().skip_while(|line| line.starts_with('#')) {
        let Some((before, what)) = line.split_once(MARK) else {
            text.push_str(line);
            text.push('\n');
            continue;
        };
        match what {
            "routes" => text.push_str(&gateway()),
            "functions" => text.push_str(&functions()),
            "log groups" => text.push_str(&format!("{before}[{}]\n", log_groups())),
            other => return Err(format!("infra/stack.yaml: nothing generated is called {other}.")),
        }
    }
    Ok(text)
}

fn serves_routes(function: &Function) -> bool {
    ROUTES.iter().any(|route| route.function == function.name)
}

/// A function's name in the names of its resources: `ProConsume` of `pro-consume`.
fn pascal(name: &str) -> String {
    name.split('-').map(|part| part[..1].to_uppercase() + &part[1..]).collect()
}

fn log_groups() -> String {
    let groups: Vec<_> = FUNCTIONS.iter().map(|function| format!("!Ref {}Logs", pascal(function.name))).collect();
    groups.join(", ")
}

/// An integration for each function, and the paths with their methods.
fn gateway() -> String {
    let mut text = "        components:\n          x-amazon-apigateway-integrations:\n".to_owned();
    for function in FUNCTIONS.iter().filter(|function| serves_routes(function)) {
        let _ = writeln!(
            text,
            "            {0}: {{ type: aws_proxy, httpMethod: POST, payloadFormatVersion: '2.0', uri: !Sub \
             'arn:${{AWS::Partition}}:apigateway:${{AWS::Region}}:lambda:path/2015-03-31/functions/arn:${{AWS::Partition}}:lambda:\
             ${{AWS::Region}}:${{AWS::AccountId}}:function:ltlm-${{Stage}}-{0}:live/invocations' }}",
            function.name
        );
    }
    text.push_str("        paths:\n");
    let mut paths: BTreeMap<&str, Vec<&Route>> = BTreeMap::new();
    for route in ROUTES {
        paths.entry(route.path).or_default().push(route);
    }
    for (path, routes) in paths {
        let _ = writeln!(text, "          {path}:");
        for route in routes {
            let _ = writeln!(
                text,
                "            {}: {{ responses: {{}}, {}x-amazon-apigateway-integration: {{ $ref: \
                 '#/components/x-amazon-apigateway-integrations/{}' }} }}",
                route.method.to_lowercase(),
                parameters(path),
                route.function
            );
        }
    }
    text
}

/// The parameters of a path.
fn parameters(path: &str) -> String {
    let names = path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
    let listed: Vec<_> = names.map(|name| format!("{{ name: {name}, in: path, required: true }}")).collect();
    match listed.is_empty() {
        true => String::new(),
        false => format!("parameters: [{}], ", listed.join(", ")),
    }
}

/// Each function that serves routes, with the gateway's permission to call it and its log group.
fn functions() -> String {
    let serving = FUNCTIONS.iter().filter(|function| serves_routes(function));
    let blocks: Vec<_> = serving.map(block).collect();
    blocks.join("\n")
}

fn block(function: &Function) -> String {
    let (name, id) = (function.name, pascal(function.name));
    let mut text = format!(
        "  # {name}: {about}\n  \
         {id}Function:\n    \
           Type: AWS::Serverless::Function\n    \
           Metadata:\n      \
             BuildMethod: rust-cargolambda\n      \
             BuildProperties:\n        \
               Binary: {name}\n    \
           Properties:\n      \
             FunctionName: !Sub ltlm-${{Stage}}-{name}\n      \
             CodeUri: .\n\
         {description}",
        about = function.about,
        description = descriptions(function),
    );
    if function.reserves_concurrency {
        text.push_str("      ReservedConcurrentExecutions: !If [HasExposedConcurrency, !Ref ExposedConcurrency, !Ref AWS::NoValue]\n");
    }
    let _ = write!(text, "      LoggingConfig:\n        LogGroup: !Ref {id}Logs\n");
    let variables = variables(function);
    if !variables.is_empty() {
        text.push_str("      Environment:\n        Variables:\n");
        for (variable, value) in variables {
            let _ = writeln!(text, "          {variable}: {value}");
        }
    }
    text.push_str(
        "      DeploymentPreference:\n        \
         Type: !If [IsCanary, Canary10Percent5Minutes, AllAtOnce]\n        \
         Alarms: !If [IsCanary, [!Ref ServerErrors, !Ref ApiErrors], [!Ref AWS::NoValue]]\n",
    );
    let statements = statements(function);
    if !statements.is_empty() {
        let _ = write!(text, "      Policies:\n        - Version: '2012-10-17'\n          Statement:\n{statements}");
    }
    let _ = write!(
        text,
        "  {id}Permission:\n    \
           Type: AWS::Lambda::Permission\n    \
           Properties:\n      \
             Action: lambda:InvokeFunction\n      \
             FunctionName: !Ref {id}FunctionAliaslive\n      \
             Principal: apigateway.amazonaws.com\n      \
             SourceArn: !Sub arn:${{AWS::Partition}}:execute-api:${{AWS::Region}}:${{AWS::AccountId}}:${{Api}}/*\n  \
         {id}Logs:\n    \
           Type: AWS::Logs::LogGroup\n    \
           Properties:\n      \
             LogGroupName: !Sub /aws/lambda/ltlm-${{Stage}}-{name}\n      \
             RetentionInDays: !Ref LogRetentionDays\n"
    );
    text
}

/// The two descriptions, with the parameters that the function is configured by: a version is published where they change.
fn descriptions(function: &Function) -> String {
    let mut description = PARAMETERS.to_owned();
    let mut values: Vec<_> = MARKS.map(str::to_owned).to_vec();
    let is_told = |setting: Setting| function.settings.contains(&setting);
    if function.clients.contains(&Client::Payments) {
        description.push_str("|${PaymentSecretArn}");
        values.push(SECRET.to_owned());
    }
    if is_told(Setting::Vendor) {
        description.push_str("|${VendorName}");
    }
    if is_told(Setting::AdminKey) {
        description.push_str("|${AdminKeySha256}");
    }
    // There is no room for an address and an ARN: whether there are any is all that the function is told.
    let conditions =
        [(Setting::SendsMail, "Mail", "HasMail, m"), (Setting::TakesPayments, "Payments", "HasPayments, p")];
    for (_, name, when) in conditions.into_iter().filter(|(setting, ..)| is_told(*setting)) {
        let _ = write!(description, "${{{name}}}");
        values.push(format!("{name}: !If [{when}, '']"));
    }
    let value = format!("!Sub\n        - '{description}'\n        - {{ {} }}", values.join(", "));
    format!("      Description: {value}\n      VersionDescription: {value}\n")
}

/// The variables of the environment besides those that all functions have.
fn variables(function: &Function) -> Vec<(&'static str, &'static str)> {
    let mut variables = Vec::new();
    if !function.key_actions.is_empty() {
        variables.push(("LTLM_KMS_KEY", "!GetAtt KeyArn.Value"));
    }
    for client in function.clients {
        match client {
            Client::Payments => variables.extend([
                ("LTLM_PAYMENT_SECRET", "!Ref PaymentSecretArn"),
                ("LTLM_STRIPE_API", "https://api.stripe.com"),
            ]),
            Client::Outbox => variables.push(("LTLM_OUTBOX_URL", "!Ref Outbox")),
        }
    }
    variables.extend(function.settings.iter().map(|setting| match setting {
        Setting::AdminKey => ("LTLM_ADMIN_KEY_SHA256", "!Ref AdminKeySha256"),
        Setting::SendsMail => ("LTLM_SENDS_MAIL", "!If [HasMail, 'true', '']"),
        Setting::TakesPayments => ("LTLM_TAKES_PAYMENTS", "!If [HasPayments, 'true', '']"),
        Setting::Vendor => ("LTLM_VENDOR", "!Ref VendorName"),
    }));
    variables
}

/// One statement of a policy, indented as a member of a list.
fn allow(actions: &[String], resource: &str, condition: &str) -> String {
    let mut text = "            - Effect: Allow\n              Action:".to_owned();
    match actions {
        [action] => text.push_str(&format!(" {action}\n")),
        actions => {
            text.push('\n');
            text.extend(actions.iter().map(|action| format!("                - {action}\n")));
        }
    }
    let _ = writeln!(text, "              Resource: {resource}");
    text.push_str(condition);
    text
}

/// The same only where a condition of the stack holds.
fn allow_if(condition: &str, statement: &str) -> String {
    let body = statement.trim_start_matches("            - ");
    let indented: Vec<_> = body.lines().map(|line| format!("  {line}")).collect();
    format!(
        "            - !If\n              - {condition}\n              - {}\n              - !Ref AWS::NoValue\n",
        indented.join("\n").trim_start()
    )
}

/// What the function may do.
fn statements(function: &Function) -> String {
    let named = |service: &str, actions: &[&str]| -> Vec<String> {
        actions.iter().map(|action| format!("{service}:{action}")).collect()
    };
    let mut text = String::new();
    let (updates, others): (Vec<_>, Vec<_>) =
        function.table_actions.iter().partition(|action| function.updates_buckets_only && **action == "UpdateItem");
    if !others.is_empty() {
        text.push_str(&allow(&named("dynamodb", &others), "!GetAtt TableArn.Value", ""));
    }
    if !updates.is_empty() {
        text.push_str("            # Only the token buckets that limit excessive attempts.\n");
        let buckets = "              Condition:\n                ForAllValues:StringLike:\n                  dynamodb:LeadingKeys: ['RATE#*']\n";
        text.push_str(&allow(&named("dynamodb", &updates), "!GetAtt TableArn.Value", buckets));
    }
    for index in function.indexes {
        text.push_str(&allow(&named("dynamodb", &["Query"]), &format!("!Sub ${{TableArn.Value}}/index/{index}"), ""));
    }
    if !function.key_actions.is_empty() {
        let purposes: Vec<_> = function.purposes.iter().map(|purpose| purpose.name()).collect();
        let context = format!(
            "              Condition:\n                StringEquals:\n                  kms:EncryptionContext:service: ltlm\n                  \
             kms:EncryptionContext:purpose: [{}]\n",
            purposes.join(", ")
        );
        text.push_str(&allow(&named("kms", function.key_actions), "!GetAtt KeyArn.Value", &context));
        if function.uses_previous_key {
            text.push_str("            # To rewrap: unwraps what the previous key wrapped.\n");
            let former = allow(&named("kms", &["Decrypt"]), "!Ref PreviousKeyArn", &context);
            text.push_str(&allow_if("HasPreviousKey", &former));
        }
    }
    for client in function.clients {
        match client {
            Client::Payments => {
                let read = allow(&named("secretsmanager", &["GetSecretValue"]), "!Ref PaymentSecretArn", "");
                text.push_str(&allow_if("HasPayments", &read));
            }
            Client::Outbox => text.push_str(&allow(&named("sqs", &["SendMessage"]), "!GetAtt Outbox.Arn", "")),
        }
    }
    text
}
