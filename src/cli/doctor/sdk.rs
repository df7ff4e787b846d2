//! Which camera SDKs lie on this machine. Only files are looked for; nothing is loaded.

use super::check::{Check, Topic};
use super::context::Context;
use crate::cli::resolve;
use crate::cli::value::list;

const MVS: Topic =
    Topic::new("sdk", "mvs", "cameras of Hikrobot are reached through its MVS library");
const GENTL: Topic = Topic::new(
    "sdk",
    "gentl",
    "any maker's cameras are reached through its GenTL producer (*.cti)",
);
const ARAVIS: Topic =
    Topic::new("sdk", "aravis", "GigE Vision and USB3 Vision cameras without their maker's SDK");

const MVS_LIBRARY: &str = "libMvCameraControl.so";

/// MVS's own names for the processors it is built for.
const MVS_FOLDERS: &[&str] = if cfg!(target_arch = "aarch64") {
    &["aarch64", "64"]
} else if cfg!(target_pointer_width = "64") {
    &["64"]
} else {
    &["32", "armhf"]
};

/// The checks.
pub fn checks(c: &Context) -> Vec<Check> {
    let (mvs, gentl, aravis) = (find_mvs(c), find_gentl(c), find_aravis(c));
    let any = !mvs.files.is_empty() || !gentl.files.is_empty() || !aravis.files.is_empty();
    vec![
        judge(
            &MVS,
            "mvs",
            mvs,
            any,
            "install MVS from Hikrobot's site (it goes to /opt/MVS), or set MVCAM_COMMON_RUNENV to its lib folder",
        ),
        judge(
            &GENTL,
            "gentl",
            gentl,
            any,
            "install the maker's GenTL producer and let GENICAM_GENTL64_PATH name its folder",
        ),
        judge(
            &ARAVIS,
            "aravis",
            aravis,
            any,
            "apt-get install libaravis-0.8-0 (or your system's package of Aravis)",
        ),
    ]
}

/// What was found of one SDK.
#[derive(Debug, Default)]
struct Sdk {
    files: Vec<String>,
    version: Option<String>,
    /// Settings that point to nothing.
    broken: Vec<String>,
}

fn judge(topic: &Topic, scheme: &str, sdk: Sdk, any: bool, install: &str) -> Check {
    let version = sdk.version.as_ref().map_or(String::new(), |v| format!(", version {v}"));
    let files = list(sdk.files.iter().map(String::as_str));
    let check = if !sdk.broken.is_empty() {
        let found = match sdk.files.is_empty() {
            true => sdk.broken.join("; "),
            false => format!("{files}{version}; {}", sdk.broken.join("; ")),
        };
        topic.warn(found, format!("correct the variable, or {install}"))
    } else if sdk.files.is_empty() && any {
        topic.ok("not installed; needed only for cameras that are reached through it")
    } else if sdk.files.is_empty() {
        topic.warn("not found, and no other camera SDK either; sim: needs none", install)
    } else if !resolve::has_backend(scheme) {
        let fix = "nothing to do here; until then sim: stands in for the camera";
        topic.warn(
            format!("{files}{version}; this version of frameline has no {scheme} backend yet"),
            fix,
        )
    } else {
        topic.ok(format!("{files}{version}"))
    };
    check.figure("files", sdk.files).figure("version", sdk.version)
}

fn find_mvs(c: &Context) -> Sdk {
    let mut sdk = Sdk::default();
    let said = [("MVCAM_COMMON_RUNENV", ""), ("MVCAM_SDK_PATH", "/lib")];
    let said = said.iter().filter_map(|(name, below)| {
        c.roots.variable(name).map(|v| (Some(*name), format!("{}{below}", v.trim_end_matches('/'))))
    });
    let usual = [(None, "/opt/MVS/lib".to_string())];
    for (variable, folder) in said.chain(usual) {
        let files = MVS_FOLDERS.iter().map(|f| format!("{folder}/{f}/{MVS_LIBRARY}"));
        let file = files.into_iter().find(|f| c.roots.exists(f));
        match (file, variable) {
            (Some(file), _) if !sdk.files.contains(&file) => {
                sdk.version = sdk.version.or_else(|| version(c, &file, MVS_LIBRARY));
                sdk.files.push(file);
            }
            (None, Some(name)) => sdk
                .broken
                .push(format!("{name} leads to {folder}, where there is no {MVS_LIBRARY}")),
            _ => {}
        }
    }
    sdk
}

fn find_gentl(c: &Context) -> Sdk {
    let mut sdk = Sdk::default();
    let name = match cfg!(target_pointer_width = "64") {
        true => "GENICAM_GENTL64_PATH",
        false => "GENICAM_GENTL32_PATH",
    };
    let said = c.roots.variable(name).unwrap_or_default().to_string();
    for entry in said.split(':').filter(|e| !e.is_empty()) {
        let is_producer = |f: &String| f.to_lowercase().ends_with(".cti");
        let files: Vec<String> = if is_producer(&entry.to_string()) && c.roots.exists(entry) {
            vec![entry.into()]
        } else {
            let entry = entry.trim_end_matches('/');
            let inside = c.roots.list(entry).into_iter().filter(is_producer);
            inside.map(|f| format!("{entry}/{f}")).collect()
        };
        if files.is_empty() {
            sdk.broken.push(format!("{name} names {entry}, where there is no producer (*.cti)"));
        }
        files.into_iter().for_each(|f| push_new(&mut sdk.files, f));
    }
    // Where MVS puts its own; found without the variable, too.
    for folder in MVS_FOLDERS {
        for file in c.roots.list(&format!("opt/MVS/lib/{folder}")) {
            if file.ends_with(".cti") {
                push_new(&mut sdk.files, format!("/opt/MVS/lib/{folder}/{file}"));
            }
        }
    }
    sdk
}

fn push_new(files: &mut Vec<String>, file: String) {
    if !files.contains(&file) {
        files.push(file);
    }
}

fn find_aravis(c: &Context) -> Sdk {
    let mut sdk = Sdk::default();
    let said = c.roots.variable("LD_LIBRARY_PATH").unwrap_or_default();
    let mut folders: Vec<String> =
        said.split(':').filter(|f| f.starts_with('/')).map(String::from).collect();
    for base in ["/usr/local/lib", "/usr/lib", "/lib"] {
        folders.push(base.into());
        folders.push(format!("{base}64"));
        let multiarch = c.roots.list(base).into_iter().filter(|f| f.ends_with("-linux-gnu"));
        folders.extend(multiarch.map(|f| format!("{base}/{f}")));
    }
    for folder in folders {
        // libaravis-0.8.so.0 is what a program loads; without the number it is for compiling.
        let is_library = |f: &&String| f.starts_with("libaravis-") && f.ends_with(".so.0");
        let Some(name) = c.roots.list(&folder).iter().rfind(is_library).cloned() else { continue };
        let file = format!("{}/{name}", folder.trim_end_matches('/'));
        sdk.version = version(c, &file, name.trim_end_matches(".0"));
        sdk.files.push(file);
        break; // The first is the one that is loaded.
    }
    sdk
}

/// What follows `library.` in the name of the file that a link ends at.
fn version(c: &Context, file: &str, library: &str) -> Option<String> {
    let name = c.roots.file_name_behind(file)?;
    let version = name.strip_prefix(library)?.trim_start_matches('.');
    let numbers = version.contains('.') && version.chars().all(|d| d == '.' || d.is_ascii_digit());
    // libaravis-0.8.so.0.8.26 is 0.8.26.
    numbers.then(|| version.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::check::Status;
    use super::super::context::fake;
    use super::super::fake::Tree;
    use super::super::roots::Roots;
    use super::*;

    fn look(tree: &Tree, environment: &[(&str, &str)]) -> Vec<Check> {
        let roots = Roots::new(tree.path(), environment);
        checks(&Context { roots, ..fake(tree) })
    }

    #[test]
    fn no_sdk_at_all_is_told_with_how_to_get_one() {
        // aravis#953: nothing installed or connected must be an answer, not a crash.
        for check in look(&Tree::new(), &[]) {
            assert!(check.status == Status::Warn && !check.fix.is_empty(), "{check:?}");
        }
    }

    #[test]
    fn aravis_is_found_with_its_version() {
        // Catches the compile-time link taken for the library, and a version that is the ABI's.
        let tree = Tree::new();
        tree.file("usr/lib/x86_64-linux-gnu/libaravis-0.8.so.0.8.26", "");
        tree.link("usr/lib/x86_64-linux-gnu/libaravis-0.8.so.0", "libaravis-0.8.so.0.8.26");
        tree.link("usr/lib/x86_64-linux-gnu/libaravis-0.8.so", "libaravis-0.8.so.0");
        let all = look(&tree, &[]);
        assert_eq!(all[2].figures["version"], "0.8.26", "{all:?}");
        assert!(all[2].found.contains("/usr/lib/x86_64-linux-gnu/libaravis-0.8.so.0,"), "{all:?}");
        // The others are not missed then.
        assert_eq!((all[0].status, all[1].status), (Status::Ok, Status::Ok));
    }

    #[test]
    fn mvs_is_found_where_its_variables_say_or_where_it_is_installed() {
        // Catches a variable that leads nowhere and is passed over in silence.
        let tree = Tree::new();
        let folder = MVS_FOLDERS[0];
        tree.file(&format!("opt/MVS/lib/{folder}/{MVS_LIBRARY}"), "");
        tree.file(&format!("opt/MVS/lib/{folder}/MvProducerGEV.cti"), "");
        let all = look(&tree, &[]);
        assert!(all[0].found.contains(&format!("/opt/MVS/lib/{folder}/{MVS_LIBRARY}")), "{all:?}");
        assert!(all[1].found.contains("MvProducerGEV.cti"), "{all:?}");
        let all = look(&tree, &[("MVCAM_COMMON_RUNENV", "/elsewhere/lib")]);
        assert!(
            all[0].status == Status::Warn && all[0].found.contains("/elsewhere/lib"),
            "{all:?}"
        );
        let all =
            look(&tree, &[("MVCAM_COMMON_RUNENV", "/opt/MVS/lib"), ("MVCAM_SDK_PATH", "/opt/MVS")]);
        assert_eq!(all[0].figures["files"].as_array().map(Vec::len), Some(1), "{all:?}");
    }

    #[test]
    fn producers_are_found_by_folder_and_by_name() {
        // Catches an entry that is itself a .cti (rc_genicam_api takes them), and a dead entry.
        let tree = Tree::with(&[("a/p.cti", ""), ("a/p.xml", ""), ("b/Q.CTI", "")]);
        let name = if cfg!(target_pointer_width = "64") {
            "GENICAM_GENTL64_PATH"
        } else {
            "GENICAM_GENTL32_PATH"
        };
        let all = look(&tree, &[(name, "/a/:/b/Q.CTI")]);
        assert_eq!(all[1].figures["files"], serde_json::json!(["/a/p.cti", "/b/Q.CTI"]), "{all:?}");
        let all = look(&tree, &[(name, "/a:/none")]);
        assert!(all[1].status == Status::Warn && all[1].found.contains("/none"), "{all:?}");
    }
}
