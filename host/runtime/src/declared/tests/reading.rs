//! Files, and what is refused in them: with file, line, what, and what to do.

use super::{flow, step};
use crate::declared::{
    Address, Condition, Data, Derivation, Field, FlowParam, FlowStep, ProtocolFlow, Quantity, RetryPolicy, Seat, Text,
};
use solana_sdk::pubkey::Pubkey;
use std::{collections::BTreeMap, time::Duration};
use valence_sandbox::ParamType;

/// A whole small file; what is wrong is put into it.
const SMALL: &str = r#"id = "payout"
timeout = "1h"
[params.amount]
type = "decimal"
[params.count]
type = "unsigned"
max = 9
[roles]
owner = "Pays."
[[steps]]
name = "pay"
[[steps.instructions]]
program-id = "program:system"
accounts = [{ pubkey = "role:owner", signer = true }]
data = [{ u32 = 2 }, { u64 = { sol = "param:amount" } }]
[[steps]]
name = "again"
fee-payer = "owner"
conditions = [{ balance-greater-than = { pubkey = "treasury", lamports = 5 } }]
instructions = [{ program-id = "program:memo", data = "text:hello" }]
"#;

fn names() -> BTreeMap<String, Pubkey> {
    let names = ["treasury", "…"].into_iter().zip([1, 2]);
    names.map(|(name, byte)| (name.to_owned(), Pubkey::from([byte; 32]))).collect()
}

fn parse(text: &str) -> Result<ProtocolFlow, String> {
    ProtocolFlow::parse(text, "flow.toml", &names()).map_err(|e| e.to_string())
}

/// What is said when this part of the small file is another.
fn refused(part: &str, instead: &str) -> String {
    assert_eq!(SMALL.matches(part).count(), 1, "`{part}` stands once in the file");
    let said = parse(&SMALL.replace(part, instead)).expect_err(instead);
    assert!(!said.contains('\n'), "{said}");
    said
}

#[test]
fn the_schema_in_the_file_head_is_a_flow() {
    let head = include_str!("../file.rs").lines().filter_map(|l| l.strip_prefix("//!"));
    let block = head.skip_while(|l| !l.contains("```toml")).skip(1).take_while(|l| !l.contains("```"));
    let text: Vec<&str> = block.map(|l| l.strip_prefix(' ').unwrap_or(l)).collect();
    let flow = parse(&text.join("\n")).unwrap();
    let step = &flow.steps[0];
    assert_eq!((flow.steps.len(), step.conditions.len(), step.instructions.len()), (2, 9, 1));
    assert_eq!(flow.timeout, Duration::from_secs(3600));
    assert_eq!(flow.retry_policy, RetryPolicy::default());
    assert_eq!(step.retry_policy, Some(RetryPolicy { max_attempts: 5, ..RetryPolicy::default() }));
    assert_eq!(flow.params["amount"], FlowParam::new(ParamType::Decimal).with_default("1.5").with_help("…"));
    let lamports = Quantity::amount_param("amount", 9);
    assert_eq!(step.instructions[0].data, Data(vec![Field::U32(2_u64.into()), Field::U64(lamports.clone())]));
    let owner = Seat::Role("owner".to_owned());
    assert_eq!(step.conditions[2], Condition::BalanceGreaterThan { pubkey: owner.clone().into(), lamports });
    let seeds = vec![Field::Text(Text::Literal("vault".to_owned())), Field::Pubkey(owner)];
    let program_id = Pubkey::from([2; 32]).into();
    assert_eq!(step.instructions[0].accounts[1].derivation, Some(Derivation { program_id, seeds }));
    assert_eq!(
        step.conditions[3],
        Condition::TokenAmountGreaterThan { pubkey: Pubkey::from([1; 32]).into(), amount: 1_000_000_000_u64.into() }
    );
}

#[test]
fn a_file_in_json_says_the_same() {
    let toml = parse(SMALL).unwrap();
    let json = serde_json::to_string_pretty(&toml).unwrap();
    assert_eq!(ProtocolFlow::parse(&json, "flow.json", &BTreeMap::new()).unwrap(), toml);
    let wrong = json.replace("\"timeout\": \"3600s\"", "\"timeout\": \"soon\"");
    let said = ProtocolFlow::parse(&wrong, "flow.json", &BTreeMap::new()).unwrap_err().to_string();
    assert_eq!(said, "flow.json:4: `soon` is no duration; write it like \"500ms\", \"60s\", \"5m\", \"1h\" or \"2d\"");
    let broken = ProtocolFlow::parse("{\n  \"id\": \"x\",,", "flow.json", &BTreeMap::new()).unwrap_err().to_string();
    assert!(broken.starts_with("flow.json:2: "), "{broken}");
}

#[test]
fn the_descriptor_is_like_a_components() {
    let d = parse(SMALL).unwrap().descriptor();
    assert_eq!((d.id.as_str(), d.name.as_str(), d.version.as_str()), ("payout", "payout", "0.1.0"));
    assert_eq!(d.steps, ["pay", "again"]);
    assert_eq!(
        d.params.iter().map(|p| (p.name.as_str(), p.required)).collect::<Vec<_>>(),
        [("amount", true), ("count", true)]
    );
    assert_eq!(d.params[1].kind, ParamType::Unsigned(0, 9));
    assert_eq!(d.roles[0].help, "Pays.");
}

#[test]
fn terms_are_written_in_several_ways() {
    let data = |written: &str| {
        let text = SMALL.replace("data = \"text:hello\"", &format!("data = {written}"));
        parse(&text).map(|flow| flow.steps[1].instructions[0].data.0.clone())
    };
    assert_eq!(data(r#""0x0aFF""#), Ok(vec![Field::Bytes(vec![10, 255])]));
    assert_eq!(data(r#""base64:Cgs=""#), Ok(vec![Field::Bytes(vec![10, 11])]));
    assert_eq!(data(r#"{ bytes = "0x01" }"#), Ok(vec![Field::Bytes(vec![1])]));
    assert_eq!(
        data(r#"["0x01", { u64 = "18446744073709551615" }]"#),
        Ok(vec![Field::Bytes(vec![1]), Field::U64(u64::MAX.into())])
    );
    assert_eq!(data(r#"{ u64 = { sol = 0.1 } }"#), Ok(vec![Field::U64(100_000_000_u64.into())]));
    assert_eq!(data(r#"{ u64 = { tokens = "2.5", decimals = 6 } }"#), Ok(vec![Field::U64(2_500_000_u64.into())]));
    // Zeros at the end are no decimals.
    assert_eq!(data(r#"{ u64 = { sol = "0.1234567890" } }"#), Ok(vec![Field::U64(123_456_789_u64.into())]));
    assert_eq!(data(r#"{ i16 = -3 }"#), Ok(vec![Field::I16((-3_i64).into())]));
    assert_eq!(data(r#"{ text = "param:amount" }"#), Ok(vec![Field::Text(Text::Param("amount".to_owned()))]));
    let account = |written: &str| {
        parse(&SMALL.replace("\"role:owner\", signer = true", &format!("{written}, signer = true")))
            .map(|mut flow| flow.steps[0].instructions[0].accounts.remove(0).pubkey.unwrap())
    };
    let text = SMALL.replace("name = \"pay\"", "name = \"pay\"\nfee-payer = \"owner\"");
    assert!(parse(&text).is_ok());
    // Who signs is no role any more, so somebody must be named.
    assert!(account("\"treasury\"").unwrap_err().contains("nobody pays"));
    let ata = text.replace(
        "{ pubkey = \"role:owner\", signer = true }",
        r#"{ pubkey = { wallet = "role:owner", mint = "treasury" } }"#,
    );
    let (wallet, mint) = (Seat::Role("owner".to_owned()), Pubkey::from([1; 32]).into());
    let read = parse(&ata).unwrap().steps[0].instructions[0].accounts[0].pubkey.clone();
    assert_eq!(read, Some(Address::AssociatedToken { wallet, mint }));
}

#[test]
fn what_is_no_file_of_this_schema_is_refused_with_its_line() {
    assert!(refused("timeout = \"1h\"\n", "").contains("missing field `timeout`"));
    assert!(refused("timeout", "time-out").starts_with("flow.toml:2: unknown field `time-out`, expected one of `id`,"));
    assert!(refused("fee-payer", "payer").starts_with("flow.toml:18: unknown field `payer`"));
    assert!(refused("signer = true", "signs = true").starts_with("flow.toml:14: unknown field `signs`"));
    assert!(
        refused("{ u32 = 2 }", "{ u33 = 2 }")
            .starts_with("flow.toml:15: unknown variant `u33`, expected one of `bytes`")
    );
    assert!(
        refused("balance-greater-than", "balance-above").starts_with("flow.toml:19: unknown variant `balance-above`")
    );
    let said = refused("lamports = 5", "lamports = 5, slot = 2");
    assert!(
        said.starts_with("flow.toml:19: unexpected keys in table: slot, available keys: pubkey, lamports"),
        "{said}"
    );
    let said = refused("\"1h\"", "\"1 hour\"");
    assert_eq!(
        said,
        "flow.toml:2: `1 hour` is no duration; write it like \"500ms\", \"60s\", \"5m\", \"1h\" or \"2d\""
    );
    assert!(refused("\"1h\"", "-5").starts_with("flow.toml:2: a duration of -5 seconds is negative"));
    let said = refused("program:system", "program:systm");
    assert!(
        said.starts_with("flow.toml:13: there is no `program:systm`; the programs with a name are system, token"),
        "{said}"
    );
    let said = refused("\"text:hello\"", "\"hello\"");
    assert_eq!(said, "flow.toml:20: `hello` is no bytes; write them as `0x0a0b`, `base64:Cgs=` or `text:…`");
    assert!(refused("\"text:hello\"", "\"0x123\"").contains("is no bytes"));
    assert!(refused("\"text:hello\"", "\"base64:*\"").contains("is no base64"));
    let said = refused("lamports = 5", "lamports = \"5 SOL\"");
    assert!(said.starts_with("flow.toml:19: `5 SOL` is no whole number; give digits"), "{said}");
    let said = refused("lamports = 5", "lamports = { sol = \"0.0000000001\" }");
    assert!(said.contains("`0.0000000001` is no amount with at most 9 decimals that fits 64 bits"), "{said}");
    assert!(refused("lamports = 5", "lamports = { tokens = \"1\" }").contains("an amount is { sol"));
    assert!(refused("max = 9", "max-bytes = 9").starts_with("flow.toml:5: `max-bytes` is for params of type text"));
    assert!(refused("\"decimal\"", "\"decimals\"").starts_with("flow.toml:4: unknown variant `decimals`"));
}

#[test]
fn terms_that_name_what_is_not_there_or_does_not_fit_are_refused_with_their_line() {
    let said = refused("param:amount", "param:amunt");
    assert_eq!(
        said,
        "flow.toml:15: step `pay`, instruction 0: there is no param `amunt`; the params are amount, count"
    );
    let said = refused("{ sol = \"param:amount\" }", "\"param:amount\"");
    assert!(
        said.contains(
            "param `amount` is a decimal number of at least 0, such as 12.5, and here a whole number is wanted"
        ),
        "{said}"
    );
    assert!(refused("{ u32 = 2 }", "{ bool = \"param:count\" }").contains("and here yes or no is wanted"));
    let said = refused("\"role:owner\"", "\"role:boss\"");
    assert_eq!(
        said,
        "flow.toml:14: step `pay`, instruction 0, account 0: there is no role `boss`; the roles are owner"
    );
    let said = refused("\"role:owner\"", "\"owner\"");
    assert_eq!(
        said,
        "flow.toml:14: step `pay`, instruction 0, account 0: `owner` is no address; for the role write `role:owner`"
    );
    let said = refused("\"treasury\"", "\"tresury\"");
    assert!(
        said.starts_with("flow.toml:19: step `again`, condition 0: `tresury` is no address; write base58, `role:NAME`"),
        "{said}"
    );
    let said = refused("{ u32 = 2 }", "{ u8 = 256 }");
    assert!(said.contains("256 is out of range: here fits a whole number from 0 to 255"), "{said}");
    assert!(refused("lamports = 5", "lamports = -5").contains("-5 is out of range"));
    assert!(
        refused("fee-payer = \"owner\"", "fee-payer = \"boss\"")
            .starts_with("flow.toml:18: step `again`: there is no role `boss`")
    );
    assert!(refused("fee-payer = \"owner\"\n", "").starts_with("flow.toml:16: step `again`: nobody pays"));
    assert!(
        refused("name = \"pay\"", "name = \"pay\"\ndescription = \"{price}\"")
            .starts_with("flow.toml:12: step `pay`: `{price}` stands for a param")
    );
    assert!(
        refused("name = \"pay\"", "name = \"pay\"\ndescription = \"a\\nb\"")
            .contains("is not one line of at most 512 bytes")
    );
    assert!(refused("pubkey = \"role:owner\", ", "").contains("account 0: the account says not which one"));
    let both = "pubkey = \"role:owner\", derivation = { program-id = \"treasury\", seeds = [] }, ";
    assert!(refused("pubkey = \"role:owner\", ", both).contains("has both `pubkey` and `derivation`"));
    let long = format!("derivation = {{ program-id = \"treasury\", seeds = [\"text:{}\"] }}, ", "x".repeat(33));
    assert!(refused("pubkey = \"role:owner\", ", &long).contains("seed 0: 33 bytes are more than the 32 that fit"));
    let many = format!("derivation = {{ program-id = \"treasury\", seeds = [{}] }}, ", "\"0x01\",".repeat(16));
    assert!(refused("pubkey = \"role:owner\", ", &many).contains("16 seeds are more than the 15 allowed"));
    let said = refused("\"text:hello\"", &format!("\"text:{}\"", "x".repeat(1233)));
    assert!(
        said.starts_with("flow.toml:20: step `again`, instruction 0: 1233 bytes are more than the 1232 that fit"),
        "{said}"
    );
    assert!(
        refused("\"program:memo\"", "{ wallet = \"role:owner\", mint = \"treasury\" }")
            .contains("a derived address is no program")
    );
}

#[test]
fn heads_out_of_range_are_refused_with_their_line() {
    assert!(refused("\"payout\"", "\"\"").starts_with("flow.toml:1: the flow has no id"));
    assert!(refused("\"payout\"", "\"Pay out\"").starts_with("flow.toml:1: its id `Pay out` is not lowercase letters"));
    assert!(
        refused("timeout", "version = \"1\"\ntimeout")
            .starts_with("flow.toml:2: its version `1` is not a semantic version")
    );
    for bad in ["0", "\"1500ms\"", "\"366d\""] {
        let said = refused("\"1h\"", bad);
        assert!(
            said.starts_with("flow.toml:2: a timeout of ") && said.contains("at least 1 s and at most 365 days"),
            "{said}"
        );
    }
    let policy = |inner: &str| refused("timeout = \"1h\"", &format!("timeout = \"1h\"\nretry-policy = {{ {inner} }}"));
    assert!(policy("max-attempts = 0").starts_with("flow.toml:3: 0 tries are out of range; use 1 to 100"));
    assert!(policy("max-attempts = 101").contains("101 tries"));
    assert!(policy("delay = \"25h\"").contains("out of range; use whole milliseconds, at most a day"));
    assert!(policy("backoff-multiplier = 0.5").contains("a backoff multiplier of 0.5 is out of range; use 1 to 1000"));
    assert!(policy("backoff-multiplier = nan").contains("out of range"));
    assert!(
        refused("max = 9", "min = 10\nmax = 9").starts_with("flow.toml:5: param `count`: its `min` is above its `max`")
    );
    assert!(
        refused("max = 9", "max = 9\ndefault = 10")
            .contains("the default `10` of param `count` is not a whole number from 0 to 9")
    );
    assert!(
        refused("name = \"pay\"", "name = \"pay\"\ncompute-unit-limit = 0")
            .contains("a compute unit limit of 0 is out of range")
    );
}

#[test]
fn steps_and_links_that_lead_nowhere_are_refused_with_their_line() {
    let said = refused("fee-payer", "on-success = \"pya\"\nfee-payer");
    assert_eq!(
        said,
        "flow.toml:18: step `again`: `on-success` names no step: there is no `pya`; give a step's name, `end` or `fail`"
    );
    assert!(refused("fee-payer", "on-failure = \"\"\nfee-payer").contains("`on-failure` names no step"));
    assert!(refused("\"again\"", "\"pay\"").starts_with("flow.toml:17: step `pay`: two steps are named `pay`"));
    assert!(refused("\"again\"", "\"end\"").contains("a step cannot be named `end`"));
    assert!(refused("\"again\"", "\"\"").starts_with("flow.toml:17: step 1: the step has no name"));
    assert!(refused("\"again\"", "\"A gain\"").contains("the step name `A gain` is not lowercase letters"));
    let said =
        refused("instructions = [{ program-id = \"program:memo\", data = \"text:hello\" }]", "instructions = []");
    assert!(said.starts_with("flow.toml:20: step `again`: the step has no instruction"), "{said}");
    let said = refused("name = \"pay\"", "name = \"pay\"\non-success = \"end\"");
    assert_eq!(said, "flow.toml:17: step `again`: no link leads to this step; link to it or remove it");
    let said = refused("fee-payer", "on-success = \"pay\"\nfee-payer");
    assert!(
        said.starts_with(
            "flow.toml:10: step `pay`: the flow goes round for ever from here: no link of this cycle leaves it"
        ),
        "{said}"
    );
    assert!(parse("id = \"x\"\ntimeout = 5\nsteps = []").unwrap_err().starts_with("flow.toml:3: the flow has no step"));
}

#[test]
fn a_cycle_with_a_way_out_is_a_flow() {
    let link = |name: &str, success: Option<&str>, failure: Option<&str>| FlowStep {
        on_success: success.map(str::to_owned),
        on_failure: failure.map(str::to_owned),
        ..step(name)
    };
    let keeper = flow(vec![link("a", Some("a"), Some("end"))]);
    keeper.validate().unwrap();
    flow(vec![link("a", None, None), link("b", Some("a"), Some("c")), link("c", Some("a"), Some("fail"))])
        .validate()
        .unwrap();
    // The way out of the cycle leads into another, which has none.
    let trapped =
        flow(vec![link("a", Some("a"), Some("b")), link("b", Some("c"), None), link("c", Some("b"), Some("c"))]);
    let said = trapped.validate().unwrap_err().to_string();
    assert!(said.starts_with("flow `flow`: step `a`: the flow goes round for ever"), "{said}");
}

#[test]
fn flows_are_bounded() {
    let many = flow((0..257).map(|i| step(&format!("s{i}"))).collect());
    assert!(many.validate().unwrap_err().what.contains("257 steps, and at most 256 are allowed"));
    let mut wide = flow(vec![step("a")]);
    wide.steps[0].conditions = vec![Condition::SlotReached(1_u64.into()); 65];
    assert!(wide.validate().unwrap_err().what.contains("65 conditions are more than the 64 allowed"));
    let huge = format!("{SMALL}# {}", "x".repeat(1 << 20));
    assert!(parse(&huge).unwrap_err().contains("bytes are more than the 1048576 that a flow may have"));
    let mut large = flow(vec![step("a")]);
    large.description = String::new();
    for at in 0..64 {
        large.roles.insert(format!("r{at}"), "x".repeat(512));
    }
    large.steps = (0..200)
        .map(|i| FlowStep { instructions: vec![step("a").instructions[0].clone(); 64], ..step(&format!("s{i}")) })
        .collect();
    assert!(large.to_bytes().unwrap_err().what.contains("a flow may have; split it"));
}

#[test]
fn what_a_file_cannot_say_is_refused_from_code_too() {
    let with = |data: Data| {
        let mut flow = flow(vec![step("a")]);
        flow.steps[0].instructions[0].data = data;
        flow.validate().unwrap_err().what
    };
    let text = Field::Text(Text::Literal("param:x".to_owned()));
    assert!(with(Data(vec![text])).contains("would be taken for a param"));
    let number = Field::U64(Quantity::Number(i128::MAX));
    assert!(with(Data(vec![number])).contains("out of range"));
    let mut named = flow(vec![step("a")]);
    named.steps[0].conditions = vec![Condition::AccountExists(Seat::Name("treasury".to_owned()).into())];
    assert!(named.validate().unwrap_err().what.contains("`treasury` is no address"));
    named.resolve(&names());
    named.validate().unwrap();
}

#[test]
fn stored_bytes_name_one_flow() {
    let flow = parse(SMALL).unwrap();
    let bytes = flow.to_bytes().unwrap();
    assert!(ProtocolFlow::is_stored(&bytes) && !ProtocolFlow::is_stored(b"\0asm"));
    assert_eq!(ProtocolFlow::from_bytes(&bytes).unwrap(), flow);
    assert_eq!(flow.digest().unwrap(), valence_sandbox::Digest::of(&bytes));
    let text = String::from_utf8(bytes.clone()).unwrap();
    let refused = |bytes: &[u8]| ProtocolFlow::from_bytes(bytes).unwrap_err().to_string();
    assert!(
        refused(text.replace("\"valence-flow\":1", "\"valence-flow\":2").as_bytes()).contains("version 2 of the form")
    );
    assert!(refused(text.replace("\"retry-policy\"", " \"retry-policy\"").as_bytes()).contains("canonical"));
    assert!(refused(&bytes[..bytes.len() - 1]).contains("damaged"));
    assert!(refused(b"\0asm").contains("not the bytes of a declared flow"));
    assert!(refused(text.replace("\"again\"", "\"pay\"").as_bytes()).contains("two steps are named `pay`"));
}

#[test]
fn a_refusal_is_one_short_line_whatever_text_it_repeats() {
    let long = format!("\"\"\"{}\"\"\"", "a\nb".repeat(5000));
    for part in ["\"1h\"", "\"text:hello\"", "\"treasury\"", "\"payout\"", "\"again\"", "5", "\"decimal\""] {
        let part = if part == "5" { "lamports = 5" } else { part };
        let instead = if part.starts_with("lam") { format!("lamports = {long}") } else { long.clone() };
        let said = refused(part, &instead);
        assert!(said.len() < 1500, "{part}: {} bytes", said.len());
    }
    let said = ProtocolFlow::parse("{\"a\\nb\": 1}", "flow.json", &BTreeMap::new()).unwrap_err().to_string();
    assert!(!said.contains('\n') && said.contains("unknown field"), "{said}");
}

/// The flow of the seed, with its names.
#[test]
fn the_flow_of_the_seed_can_be_written_as_it_is_there() {
    let (user_token_account, deposit_amount) = (Pubkey::from([3; 32]), 450_u64);
    let data = [3_u8, 0, 0, 0];
    let meta = solana_sdk::instruction::AccountMeta::new(user_token_account, false);
    let instruction = solana_sdk::instruction::Instruction::new_with_bytes(Pubkey::from([4; 32]), &data, vec![meta]);
    let deposit_flow = ProtocolFlow {
        id: "lending-deposit".to_string(),
        name: "Lending Protocol Deposit".to_string(),
        steps: vec![
            FlowStep {
                name: "approve-tokens".to_string(),
                description: "Approve token transfer".to_string(),
                instructions: vec![instruction.clone().into()],
                conditions: vec![Condition::BalanceGreaterThan {
                    pubkey: user_token_account.into(),
                    lamports: deposit_amount.into(),
                }],
                on_success: Some("execute-deposit".to_string()),
                on_failure: None,
                ..Default::default()
            },
            FlowStep {
                name: "execute-deposit".to_string(),
                description: "Execute deposit to lending pool".to_string(),
                instructions: vec![instruction.into()],
                ..Default::default()
            },
        ],
        timeout: Duration::from_secs(60),
        retry_policy: RetryPolicy::default(),
        fee_payer: Some("user".to_string()),
        roles: BTreeMap::from([("user".to_string(), "Pays.".to_string())]),
        ..Default::default()
    };
    deposit_flow.validate().unwrap();
    assert_eq!(ProtocolFlow::from_bytes(&deposit_flow.to_bytes().unwrap()).unwrap(), deposit_flow);
}

/// Bytes that a journal may name for ever. If this changes, the version of the form must, and the old one stay readable.
#[test]
fn the_stored_form_stays_what_it_is() {
    let bytes = parse(SMALL).unwrap().to_bytes().unwrap();
    let expected = concat!(
        r#"{"valence-flow":1,"flow":{"id":"payout","version":"0.1.0","timeout":"3600s","retry-policy":{"max-attempts":3,"delay":"1s","backoff-multiplier":2.0},"#,
        r#""params":{"amount":{"type":"decimal"},"count":{"type":"unsigned","min":0,"max":9}},"roles":{"owner":"Pays."},"#,
        r#""steps":[{"name":"pay","instructions":[{"program-id":"11111111111111111111111111111111","accounts":[{"pubkey":"role:owner","signer":true}],"data":[{"u32":2},{"u64":{"tokens":"param:amount","decimals":9}}]}]},"#,
        r#"{"name":"again","instructions":[{"program-id":"MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr","data":[{"text":"hello"}]}],"conditions":[{"balance-greater-than":{"pubkey":"4vJ9JU1bJJE96FWSJKvHsmmFADCg4gpZQff4P3bkLKi","lamports":5}}],"fee-payer":"owner"}]}}"#
    );
    assert_eq!(String::from_utf8(bytes).unwrap(), expected);
}
