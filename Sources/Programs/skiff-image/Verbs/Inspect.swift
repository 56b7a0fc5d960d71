import Base
import Core
import Grammar
import Inspect
import Linux
import Packing

/// `inspect`: prints what an image says about itself (Docs/spec/cli.md §6).
func inspect(_ invocation: Invocation) throws(SkiffError) {
    let path = invocation.positionals.first ?? ""
    var selection = Selection()
    selection.all = invocation[.all]
    selection.app = invocation[.app] ?? ""
    selection.listApps = invocation[.listApps]
    selection.deffile = invocation[.deffile]
    selection.environment = invocation[.environment]
    selection.helpfile = invocation[.helpfile]
    selection.labels = invocation[.labels]
    selection.runscript = invocation[.runscript]
    selection.startscript = invocation[.startscript]
    selection.test = invocation[.test]
    if selection.isEmpty { selection.labels = true }
    let metadata = selection.apply(to: try ImageRecord(path: path))
    let isJSON = selection.all || invocation[.json]
    try print(isJSON ? metadata.json.text(indent: "\t") + "\n" : selection.text(of: metadata))
}

/// `run-help`: prints the help text of an image or of one of its applications.
func runHelp(_ invocation: Invocation) throws(SkiffError) {
    let metadata = try ImageRecord(path: invocation.positionals.first ?? "").metadata
    var section: InspectMetadata.Section? = metadata.container
    if let app = invocation[.app], !app.isEmpty { section = metadata.apps[app] }
    let text = section?.helpfile ?? ""
    try print((text.isEmpty ? "No help sections were defined for this image" : text) + "\n")
}

private func print(_ text: String) throws(SkiffError) {
    try during("cannot write the answer") { () throws(Errno) in try writeAnswer(text) }
}
