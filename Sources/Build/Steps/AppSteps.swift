import Base
import CLinux
import Core
import Linux
import Packing
import Shell

/// Applications of an image (SCIF; Docs/spec/deffile.md §7): where each has its files, before `%post` may use them.
struct AppSteps {
    let root: RootTree
    let stage: Stage
    let definition: Definition
    /// The directory in which relative sources of `%appfiles` start.
    let directory: String

    func write() throws(SkiffError) {
        for app in stage.apps { try write(app) }
        if !stage.apps.isEmpty {
            try root.write(BaseFiles.appsBase, ImageScripts.appsBase(stage.apps.map(description)), mode: 0o755)
        }
    }

    private func description(_ app: Stage.App) -> ImageScripts.App {
        ImageScripts.App(
            name: app.name, hasEnvironment: app.scripts[.environment] != nil, hasRunscript: app.scripts[.run] != nil,
            hasStartscript: app.scripts[.start] != nil)
    }

    private func write(_ app: Stage.App) throws(SkiffError) {
        let folder = "/scif/apps/\(app.name)"
        let meta = folder + "/scif"
        for path in ["/bin", "/lib", "/scif", "/scif/env"] { try root.makeDirectory(folder + path) }
        for path in ["/input", "/output"] { try root.makeDirectory("/scif/data/\(app.name)" + path) }
        try root.write(meta + "/env/01-base.sh", ImageScripts.appBase(app.name), mode: 0o755)
        let texts: [(AppSection, String, mode_t)] = [
            (.environment, "/env/90-environment.sh", 0o755), (.help, "/runscript.help", 0o644),
        ]
        for (section, path, mode) in texts {
            if let script = app.scripts[section] { try root.write(meta + path, script.body, mode: mode) }
        }
        for (section, path) in [(AppSection.run, "/runscript"), (.start, "/startscript"), (.test, "/test")] {
            guard let script = app.scripts[section] else { continue }
            try root.write(meta + path, Array("#!/bin/sh\n\n".utf8) + script.body + [0x0A], mode: 0o755)
        }
        try labels(app, meta + "/labels.json")
        try files(app, below: folder)
    }

    private func labels(_ app: Stage.App, _ path: String) throws(SkiffError) {
        var labels = try Labels(json: root.read(path), replaces: true)
        labels.set("SCIF_APP_NAME", app.name)
        for label in app.labels { labels.set(label.key, label.value) }
        try root.write(path, labels.json, mode: 0o644)
    }

    private func files(_ app: Stage.App, below folder: String) throws(SkiffError) {
        guard !app.files.isEmpty else { return }
        try FilesStep(origin: .host(directory: directory), root: root, definition: definition, folder: folder)
            .copy(app.files)
    }
}

extension Stage {
    /// What is run as `%post`: the section, and after it the `%appinstall` of every application.
    package var postScript: Script? {
        let installs = apps.filter { $0.scripts[.install] != nil }
        guard script(.post) != nil || !installs.isEmpty else { return nil }
        var script =
            self.script(.post) ?? Script(arguments: "", body: [], line: installs.first?.scripts[.install]?.line ?? 0)
        for app in apps {
            let folder = ShellQuoting.single("/scif/apps/\(app.name)")
            let install = app.scripts[.install]
            script.append("cd /\n. \(folder)/scif/env/01-base.sh\ncd \(folder)\n", at: install?.line ?? 0)
            script.body += install?.body ?? []
            script.lines += install?.lines ?? []
            script.append("cd /\n", at: install?.lines.last ?? 0)
        }
        return script
    }
}

extension Stage.Script {
    fileprivate mutating func append(_ text: String, at line: Int) {
        body += text.bytes
        for byte in text.utf8 where byte == 0x0A { lines.append(line) }
    }
}
