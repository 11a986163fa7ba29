//! The files of a package have no dependency cycles, so that each can be read with those below it alone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use petgraph::algo::tarjan_scc;
use petgraph::graphmap::DiGraphMap;
use syn::visit::Visit;
use syn::{Attribute, ItemMod, ItemUse, UseTree};

/// A module's path in its crate.
type Module = Vec<String>;

/// The modules of a package by their paths, each with its file.
fn modules(source: &Path) -> BTreeMap<Module, PathBuf> {
    let mut found = BTreeMap::new();
    let mut folders = vec![source.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if path.extension().is_none_or(|ending| ending != "rs") {
                continue;
            }
            let inside = path.strip_prefix(source).unwrap().with_extension("");
            let mut module: Module = inside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
            if module.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
                module.pop();
            }
            found.insert(module, path);
        }
    }
    found
}

/// Collects the paths that a file names, in code that is not for its tests alone.
struct Named {
    module: Module,
    children: BTreeSet<String>,
    paths: Vec<Module>,
}

impl Named {
    /// The path from the crate's root; none if it leads to another crate.
    fn absolute(&self, path: &[String]) -> Option<Module> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            "self" => Some([&self.module[..], rest].concat()),
            "super" => {
                let ups = path.iter().take_while(|part| *part == "super").count();
                let base = self.module.get(..self.module.len().checked_sub(ups)?)?;
                Some([base, &path[ups..]].concat())
            }
            child if self.children.contains(child) => Some([&self.module[..], path].concat()),
            _ => None,
        }
    }

    fn add(&mut self, path: &[String]) {
        self.paths.extend(self.absolute(path));
    }

    fn add_tree(&mut self, tree: &UseTree, prefix: &[String]) {
        let with = |name: &dyn ToString| [prefix, &[name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.add_tree(&path.tree, &with(&path.ident)),
            UseTree::Name(name) if name.ident == "self" => self.add(prefix),
            UseTree::Name(name) => self.add(&with(&name.ident)),
            UseTree::Rename(rename) => self.add(&with(&rename.ident)),
            UseTree::Glob(_) => self.add(prefix),
            UseTree::Group(group) => group.items.iter().for_each(|item| self.add_tree(item, prefix)),
        }
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Ident>().is_ok_and(|condition| condition == "test")
    })
}

impl<'ast> Visit<'ast> for Named {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if !is_for_tests(&item.attrs) {
            syn::visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if !is_for_tests(&item.attrs) {
            self.add_tree(&item.tree, &[]);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        // One word alone is a name in scope, which a `use` line brought there.
        if path.segments.len() > 1 {
            let path: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.add(&path);
        }
        syn::visit::visit_path(self, path);
    }
}

/// The cycles of files below `source`, each as its files.
fn cycles(source: &Path) -> Vec<Vec<String>> {
    let modules = modules(source);
    let names: Vec<&Module> = modules.keys().collect();
    let number = |module: &[String]| names.iter().position(|known| known[..] == *module);
    let mut graph: DiGraphMap<usize, ()> = DiGraphMap::default();
    for (here, (module, file)) in modules.iter().enumerate() {
        let parsed = syn::parse_file(&std::fs::read_to_string(file).unwrap()).unwrap();
        let is_child = |other: &&Module| other.len() == module.len() + 1 && other.starts_with(module);
        let children = modules.keys().filter(is_child).filter_map(|child| child.last().cloned()).collect();
        let mut named = Named { module: module.clone(), children, paths: Vec::new() };
        named.visit_file(&parsed);
        for path in &named.paths {
            // The file that holds what the path leads to: the longest beginning that is a module.
            let holder = (1..=path.len()).rev().find_map(|length| number(&path[..length]));
            if let Some(there) = holder.filter(|there| *there != here) {
                graph.add_edge(here, there, ());
            }
        }
    }
    let file = |number: usize| modules[names[number]].strip_prefix(source).unwrap().display().to_string();
    let found = tarjan_scc(&graph).into_iter().filter(|cycle| cycle.len() > 1);
    found.map(|cycle| cycle.into_iter().map(file).collect()).collect()
}

#[test]
fn no_files_depend_on_each_other_in_a_cycle() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for package in ["protocol", "shared", "tools/local", "tools/cli", "tools/xtask"] {
        assert_eq!(cycles(&root.join(package).join("src")), Vec::<Vec<String>>::new(), "{package}");
    }
}

#[test]
fn a_cycle_is_found() {
    let folder = std::env::temp_dir().join(format!("ltlm-cycles-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("b")).unwrap();
    for (file, text) in [
        ("lib.rs", "pub mod a; pub mod b;"),
        ("a.rs", "use crate::b::inner::{self, Thing};"),
        ("b/mod.rs", "pub mod inner; #[cfg(test)] mod tests { use crate::a; }"),
        ("b/inner.rs", "pub struct Thing(super::super::a::Other);"),
    ] {
        std::fs::write(folder.join(file), text).unwrap();
    }
    let found = cycles(&folder);
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0].iter().collect::<BTreeSet<_>>(),
        BTreeSet::from([&"a.rs".to_owned(), &"b/inner.rs".to_owned()])
    );
}
