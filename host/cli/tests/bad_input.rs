//! Whatever is wrong on the command line or in a file: one line that says what, where and what to do, the documented exit
//! code, no panic, no hang. All messages stand in one golden.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::{fmt::Write, fs, path::Path};
use support::{NOTE, chain, conformance, root, run, run_building};

const NOTE_AT: &str = "7Np41oeYqPefeNQEHSv1UDhYrehxin3NStELsSKCT4K2";

/// One thing that is wrong.
struct Case {
    what: &'static str,
    code: i32,
    args: Vec<String>,
}

/// Cases, in a folder that their files lie in.
struct Cases<'a> {
    folder: &'a Path,
    all: Vec<Case>,
}

impl Cases<'_> {
    fn add<S: Into<String>>(&mut self, what: &'static str, code: i32, args: impl IntoIterator<Item = S>) {
        self.all.push(Case { what, code, args: args.into_iter().map(Into::into).collect() });
    }

    /// A file with this in it.
    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.folder.join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// The conformance guest on the chain of its folder, run with these arguments besides.
    fn flow(&mut self, what: &'static str, code: i32, more: &[&str]) {
        let chain = self.folder.join("chain.toml");
        let mut args = vec!["run", conformance().to_str().unwrap()];
        if !more.contains(&"--chain-file") {
            args.extend(["--chain-file", chain.to_str().unwrap()]);
        }
        args.extend(more);
        self.add(what, code, args);
    }

    /// The same with what it needs.
    fn whole_flow(&mut self, what: &'static str, code: i32, more: &[&str]) {
        let mut args = vec!["--role", "payer=payer", "--param", "scenario=clock"];
        args.extend(more);
        self.flow(what, code, &args);
    }

    fn chain(&mut self, what: &'static str, text: &str) {
        let name = format!("chain{}.toml", self.all.len());
        let file = self.file(&name, text);
        self.whole_flow(what, 2, &["--chain-file", &file]);
    }

    fn account(&mut self, what: &'static str, address: &str, text: &str) {
        let name = format!("account{}.json", self.all.len());
        let file = self.file(&name, text);
        self.whole_flow(what, 2, &["--account", address, &file]);
    }

    fn inputs(&mut self, what: &'static str, name: &str, text: &str) {
        let file = self.file(name, text);
        self.flow(what, 2, &["--params", &file]);
    }
}

fn components(cases: &mut Cases<'_>) {
    let flow = fs::read(conformance()).unwrap();
    let driver = cases.folder.join("token.wasm");
    run_building(["build", "drivers/token", "-o", driver.to_str().unwrap()]).expect(0);

    let file = cases.file("text.wasm", "hello");
    cases.add("not wasm", 3, ["run", &file]);
    let file = cases.file("empty.wasm", "");
    cases.add("an empty file", 3, ["run", &file]);
    let file = cases.file("core.wasm", b"\0asm\x01\0\0\0");
    cases.add("a core module", 3, ["run", &file]);
    let file = cases.file("half.wasm", &flow[..flow.len() / 2]);
    cases.add("truncated", 3, ["run", &file]);
    let mut damaged = flow.clone();
    let middle = damaged.len() / 2;
    for byte in &mut damaged[middle..middle + 64] {
        *byte = 0xff;
    }
    let file = cases.file("damaged.wasm", damaged);
    cases.add("damaged", 3, ["run", &file]);
    let file = cases.file("nothing.wasm", b"\0asm\x0d\0\x01\0");
    cases.add("a component with nothing in it", 3, ["run", &file]);
    cases.add("a component of another world", 3, ["run", driver.to_str().unwrap()]);
    cases.add("a flow without the driver that it imports", 3, ["run", &without_its_driver(cases.folder)]);
    cases.add("over the size limit", 3, ["run", conformance().to_str().unwrap(), "--limit", "component-size=1K"]);
    cases.add("a missing file", 2, ["run", "nowhere/flow.wasm"]);
    let folder = cases.folder.join("empty");
    fs::create_dir(&folder).unwrap();
    cases.add("a folder without a project", 7, ["run", folder.to_str().unwrap()]);
    cases.add("a missing driver", 2, ["run", conformance().to_str().unwrap(), "--driver", "nowhere/driver.wasm"]);
}

/// The treasury-sweep alone: its driver is named by its folder, not by its component.
fn without_its_driver(folder: &Path) -> String {
    let out = folder.join("sweep.wasm").to_str().unwrap().to_owned();
    run_building(["build", "examples/treasury-sweep", "-o", &out]).expect(0);
    out
}

fn params_and_roles(cases: &mut Cases<'_>) {
    cases.flow("a param is missing", 2, &["--role", "payer=payer"]);
    cases.whole_flow("an unknown param", 2, &["--param", "colour=red"]);
    cases.whole_flow("a param that is no number", 2, &["--param", "number=many"]);
    cases.whole_flow("a param below zero", 2, &["--param", "number=-1"]);
    cases.whole_flow("a param out of its type", 2, &["--param", "number=18446744073709551616"]);
    cases.whole_flow("a param out of its range", 2, &["--param", "small=11"]);
    cases.whole_flow("a param that is too long", 2, &["--param", &format!("text={}", "t".repeat(65))]);
    cases.whole_flow("a param that is no boolean", 2, &["--param", "flag=perhaps"]);
    cases.whole_flow("a param that is no decimal", 2, &["--param", "amount=1,5"]);
    cases.whole_flow("a param that is no address", 2, &["--param", "key=nobody"]);
    cases.whole_flow("a param twice", 2, &["--param", "number=1", "--param", "number=1"]);
    cases.whole_flow("a param without a value", 2, &["--param", "number"]);
    cases.flow("a role is not bound", 2, &["--param", "scenario=clock"]);
    cases.whole_flow("an unknown role", 2, &["--role", "friend=friend"]);
    cases.flow("a role that is no address", 2, &["--param", "scenario=clock", "--role", "payer=nobody"]);
    cases.flow(
        "an address of 31 bytes",
        2,
        &["--param", "scenario=clock", "--role", "payer=1111111111111111111111111111111"],
    );
    cases.whole_flow("a role twice", 2, &["--role", "payer=payer"]);
    cases.whole_flow("a role without a value", 2, &["--role", "payer"]);

    cases.inputs("run.toml: not TOML", "broken.toml", "[params]\nscenario = \"clock\n");
    cases.inputs(
        "run.toml: an unknown part",
        "part.toml",
        "[params]\nscenario = \"clock\"\n[rolls]\npayer = \"payer\"\n",
    );
    cases.inputs("run.toml: a list", "list.toml", "[params]\nscenario = [\"clock\"]\n");
    cases.inputs("run.toml: a number with a point", "point.toml", "[params]\nscenario = \"clock\"\namount = 1.5\n");
    cases.inputs(
        "run.toml: a role that is a number",
        "role.toml",
        "[params]\nscenario = \"clock\"\n[roles]\npayer = 7\n",
    );
    cases.inputs("run.json: not JSON", "broken.json", "{\"params\": {\n\"scenario\": }}");
    cases.inputs("run.toml: not UTF-8", "binary.toml", "\u{0}\u{1}");
    cases.flow("run.toml: not there", 2, &["--params", "nowhere/run.toml"]);
}

fn chains(cases: &mut Cases<'_>) {
    cases.chain("chain.toml: not TOML", "[wallets.payer\n");
    cases.chain("chain.toml: an unknown field", "[wallets.payer]\nsol = 1\ncolour = \"red\"\n");
    cases.chain("chain.toml: an amount that is none", "[wallets.payer]\nsol = \"much\"\n");
    cases.chain("chain.toml: too many decimals", "[wallets.payer]\nsol = \"0.0000000001\"\n");
    cases.chain(
        "chain.toml: an unknown mint",
        "[wallets.payer]\n[token-accounts.pot]\nmint = \"gold\"\nowner = \"payer\"\n",
    );
    cases
        .chain("chain.toml: an unknown program", "[wallets.payer]\n[mints.usdc]\ndecimals = 6\nprogram = \"tokens\"\n");
    cases.chain("chain.toml: a bad address", "[wallets.payer]\naddress = \"0OIl\"\n");
    cases.chain("chain.toml: a name twice", "[wallets.usdc]\n[mints.usdc]\ndecimals = 6\n");
    cases.chain(
        "chain.toml: an event in the past",
        "[wallets.payer]\n[[later]]\nslot = 1\nairdrop = { to = \"payer\", sol = \"1\" }\n",
    );
    cases.chain(
        "chain.toml: an event for nobody",
        "[wallets.payer]\n[[later]]\nslot = 9\nairdrop = { to = \"nobody\", sol = \"1\" }\n",
    );
    cases.chain("chain.toml: an event without an action", "[wallets.payer]\n[[later]]\nslot = 9\n");
    cases.chain(
        "chain.toml: an account file that is not there",
        "[wallets.payer]\n[[accounts]]\nfile = \"gone.json\"\n",
    );
    cases.whole_flow("chain.toml: not there", 2, &["--chain-file", "nowhere/chain.toml"]);

    cases.account("an account file: broken JSON", NOTE_AT, "{\"pubkey\": \n");
    cases.account("an account file: other JSON", NOTE_AT, "[1, 2, 3]");
    cases.account("an account file: bad base64", NOTE_AT, &NOTE.replace("aGVsbG8=", "a*b"));
    cases.account("an account file: an unknown encoding", NOTE_AT, &NOTE.replace("\"base64\"", "\"base65\""));
    cases.account(
        "an account file: a bad owner",
        NOTE_AT,
        &NOTE.replace("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr", "Memo"),
    );
    cases.account("an account file: another address", "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr", NOTE);
    cases.account("an account file: no address", "-", &NOTE.replace(&format!("\"pubkey\":\"{NOTE_AT}\","), ""));
    cases.account("an account file: negative lamports", NOTE_AT, &NOTE.replace("2000000", "-1"));
    cases.account("an account: a bad address", "not-base58!", NOTE);
    cases.whole_flow("an account file: not there", 2, &["--account", NOTE_AT, "nowhere.json"]);

    let text = cases.file("text.so", "hello");
    cases.whole_flow("a program that is no ELF file", 2, &["--bpf-program", NOTE_AT, &text]);
    let elf = cases.file("elf.so", b"\x7fELF and nothing more");
    let get =
        ["--role", "payer=payer", "--param", "scenario=get", "--param", "key=payer", "--bpf-program", NOTE_AT, &elf];
    cases.flow("a program that cannot run", 2, &get);
    cases.whole_flow("a program: not there", 2, &["--bpf-program", NOTE_AT, "nowhere.so"]);

    cases.whole_flow(
        "a chain's name with a path in it",
        2,
        &["--chain", "../up", "--data-dir", cases.folder.join("data").to_str().unwrap()],
    );
    cases.whole_flow(
        "a chain without a name",
        2,
        &["--chain", "", "--data-dir", cases.folder.join("data").to_str().unwrap()],
    );
    let file = cases.file("data-file", "");
    cases.whole_flow("a data folder that is a file", 2, &["--chain", "mine", "--data-dir", &file]);
    let kept = cases.folder.join("kept/chains");
    fs::create_dir_all(&kept).unwrap();
    fs::write(kept.join("old.db"), "this is no database").unwrap();
    cases.whole_flow(
        "a kept chain that is damaged",
        2,
        &["--chain", "old", "--data-dir", cases.folder.join("kept").to_str().unwrap()],
    );
}

fn limits(cases: &mut Cases<'_>) {
    cases.whole_flow("an unknown limit", 2, &["--limit", "patience=1"]);
    cases.whole_flow("a limit that is no number", 2, &["--limit", "fuel=lots"]);
    cases.whole_flow("a limit below zero", 2, &["--limit", "fuel=-1"]);
    cases.whole_flow("a limit that is too large a number", 2, &["--limit", "memory=99999999999G"]);
    cases.whole_flow("a limit without a value", 2, &["--limit", "fuel"]);
    cases.whole_flow("a stack that no machine has", 2, &["--limit", "stack=1G"]);
}

fn commands(cases: &mut Cases<'_>) {
    cases.add("inspect: a missing file", 2, ["inspect", "nowhere/flow.wasm"]);
    let file = cases.folder.join("text.wasm");
    cases.add("inspect: not wasm", 3, ["inspect", file.to_str().unwrap()]);
    cases.add("build: a missing folder", 2, ["build", "nowhere"]);
    cases.add("build: a file", 2, ["build", file.to_str().unwrap()]);
    cases.add("build: where nothing can be written", 2, ["build", "guests/conformance", "-o", "/nowhere/at/all.wasm"]);
    let none = cases.folder.join("nothing").to_str().unwrap().to_owned();
    for command in ["cancel", "pause", "resume", "retry"] {
        cases.add("an instance where nothing was recorded", 2, [command, "treasury-sweep-7", "--data-dir", &none]);
    }
    cases.add("ps: where nothing was recorded", 2, ["ps", "--data-dir", &none]);
    cases.add("ps: an unknown state", 2, ["ps", "--state", "tired", "--data-dir", &none]);
    cases.add("resume: a limit without a value", 2, ["resume", "x", "--limit", "fuel", "--data-dir", &none]);
    cases.add("serve: a pace that is none", 2, ["serve", "--pace", "slow", "--data-dir", &none]);
    cases.whole_flow("a pace of nothing", 2, &["--detach", "--pace", "0", "--data-dir", &none]);
    cases.whole_flow("a signer without a command", 2, &["--signer", " ", "--data-dir", &none]);
    cases.whole_flow("the chain of a single instance", 2, &["--chain", "_7", "--data-dir", &none]);
    let folder = cases.folder.to_str().unwrap();
    cases.add("new: a bad name", 2, ["new", "flow", "My Flow", "--dir", folder]);
    cases.add("new: a name with a path in it", 2, ["new", "flow", "../up", "--dir", folder]);
    cases.add("new: a folder that is there", 2, ["new", "flow", "empty", "--dir", folder]);
}

fn cases(folder: &Path) -> Vec<Case> {
    let mut cases = Cases { folder, all: Vec::new() };
    components(&mut cases);
    params_and_roles(&mut cases);
    chains(&mut cases);
    limits(&mut cases);
    commands(&mut cases);
    cases.all
}

#[test]
fn every_mistake_gets_one_line_and_its_exit_code() {
    let folder = chain();
    let place = |text: &str| {
        text.replace(folder.path().to_str().unwrap(), "FOLDER")
            .replace(conformance().parent().unwrap().to_str().unwrap(), "BUILT")
            .replace(root().to_str().unwrap(), "ROOT")
    };
    let mut golden = String::new();
    let mut wrong = String::new();
    for Case { what, code, args } in cases(folder.path()) {
        let ran = run(&args);
        let message = ran.err.strip_prefix("error: ").and_then(|m| m.strip_suffix('\n')).unwrap_or_default();
        if ran.code != Some(code) || message.is_empty() || message.contains('\n') || !ran.out.is_empty() {
            writeln!(wrong, "{what}: {code} is expected of {args:?}: {ran:?}").unwrap();
        }
        writeln!(golden, "{what}\n  {} {}", ran.code.unwrap(), place(message)).unwrap();

        let mut args = args;
        args.extend(["--output".to_owned(), "json".to_owned()]);
        let told = run(&args);
        assert_eq!(told.code, ran.code, "{what}");
        let objects = told.objects();
        assert_eq!(objects.len(), 1, "{what}: {told:?}");
        assert_eq!(objects[0]["event"], "error", "{what}");
        assert_eq!(objects[0]["exit-code"], ran.code.unwrap(), "{what}");
        assert_eq!(
            objects[0]["message"].as_str().unwrap().split_whitespace().collect::<Vec<_>>(),
            message.split_whitespace().collect::<Vec<_>>(),
            "{what}"
        );
    }
    assert!(wrong.is_empty(), "{wrong}");
    // The guest's digest and sizes are another with another compiler.
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"[0-9a-f]{64}", "DIGEST");
    settings.add_filter(r"the component has \d+ bytes", "the component has N bytes");
    settings.add_filter(r"damaged or truncated: .*; build", "damaged or truncated: …; build");
    settings.bind(|| insta::assert_snapshot!(golden));
}

#[test]
fn what_clap_refuses_is_a_usage_error_as_well() {
    for args in [
        vec!["runs"],
        vec!["run"],
        vec!["run", "x", "--output", "xml"],
        vec!["run", "x", "--limits", "huge"],
        vec!["new", "driver", "x"],
    ] {
        let ran = run(&args).expect(2);
        assert!(ran.err.starts_with("error: "), "{args:?}: {ran:?}");
        assert_eq!(ran.out, "");
    }
}

#[test]
fn a_bad_environment_variable_is_named() {
    let mut command =
        support::valence(["run", conformance().to_str().unwrap(), "--role", "payer=11111111111111111111111111111111"]);
    command.env("VALENCE_MAX_RETRIES", "many");
    let ran = support::finish(command, std::time::Duration::from_secs(60)).expect(2);
    assert_eq!(ran.err, "error: VALENCE_MAX_RETRIES=`many` is not a whole number\n");
}

#[test]
fn another_cluster_than_the_embedded_chain_is_refused_not_ignored() {
    let mut command = support::valence([
        "run",
        conformance().to_str().unwrap(),
        "--role",
        "payer=11111111111111111111111111111111",
        "--param",
        "scenario=clock",
    ]);
    command.env("VALENCE_RPC_URL", "http://localhost:8899");
    let ran = support::finish(command, std::time::Duration::from_secs(60)).expect(2);
    assert!(
        ran.err.starts_with("error: `http://localhost:8899` is not a cluster that this version attaches to"),
        "{ran:?}"
    );
}
