package import Base
import Core
package import Grammar
import Linux

/// `inspect`: prints what an image says about itself (Docs/spec/cli.md §6).
package func inspect(_ invocation: Invocation) throws(SkiffError) {
    let path = invocation.positionals.first ?? ""
    var selection = Selection()
    selection.all = invocation.bool("all")
    selection.app = invocation.string("app") ?? ""
    selection.listApps = invocation.bool("list-apps")
    selection.deffile = invocation.bool("deffile")
    selection.environment = invocation.bool("environment")
    selection.helpfile = invocation.bool("helpfile")
    selection.labels = invocation.bool("labels")
    selection.runscript = invocation.bool("runscript")
    selection.startscript = invocation.bool("startscript")
    selection.test = invocation.bool("test")
    if selection.isEmpty { selection.labels = true }
    let metadata = selection.apply(to: try ImageRecord(path: path))
    let isJSON = selection.all || invocation.bool("json")
    try print(isJSON ? metadata.json.text(indent: "\t") + "\n" : selection.text(of: metadata))
}

/// `run-help`: prints the help text of an image or of one of its applications.
package func runHelp(_ invocation: Invocation) throws(SkiffError) {
    let metadata = try ImageRecord(path: invocation.positionals.first ?? "").metadata
    var section: InspectMetadata.Section? = metadata.container
    if let app = invocation.string("app"), !app.isEmpty { section = metadata.apps[app] }
    let text = section?.helpfile ?? ""
    try print((text.isEmpty ? "No help sections were defined for this image" : text) + "\n")
}

private func print(_ text: String) throws(SkiffError) {
    try during("cannot write the answer") { () throws(Errno) in try writeFully(1, text) }
}
