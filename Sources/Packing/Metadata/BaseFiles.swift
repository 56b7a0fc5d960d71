package import Base
import Core
import Linux

/// What every image has besides the content of its base (Docs/spec/deffile.md §8.1).
package struct BaseFiles {
    private let root: any ImageRoot
    private let keepsExisting: Bool
    private let keepsApps: Bool
    private let hasEmptyRunscript: Bool

    /// - Parameters:
    ///   - keepsExisting: whether files of a base that already was one of our images stay as they are.
    ///   - keepsApps: whether the variables of its applications stay too; a definition starts them anew.
    ///   - hasEmptyRunscript: whether the runscript does nothing, rather than saying that there is none.
    package init(root: any ImageRoot, keepsExisting: Bool, keepsApps: Bool = false, hasEmptyRunscript: Bool = false) {
        (self.root, self.keepsExisting) = (root, keepsExisting)
        (self.keepsApps, self.hasEmptyRunscript) = (keepsApps, hasEmptyRunscript)
    }

    private static let directories = [
        "/.singularity.d/libs", "/.singularity.d/actions", "/.singularity.d/env", "/dev", "/proc", "/root", "/var/tmp",
        "/tmp", "/etc", "/sys", "/home",
    ]

    private static let links = [
        ("/singularity", ".singularity.d/runscript"), ("/.run", ".singularity.d/actions/run"),
        ("/.exec", ".singularity.d/actions/exec"), ("/.test", ".singularity.d/actions/test"),
        ("/.shell", ".singularity.d/actions/shell"), ("/environment", ".singularity.d/env/90-environment.sh"),
    ]

    package func write() throws(SkiffError) {
        for directory in Self.directories { try root.makeDirectories(directory) }
        for (path, target) in Self.links { try root.link(path, to: target) }
        for path in ["/etc/hosts", "/etc/resolv.conf"] { try script(path, "", mode: 0o644) }
        for (path, text) in scripts { try script(path, text, mode: 0o755) }
        for name in ["exec", "run", "shell", "start", "test"] {
            if let text = ImageScripts.action(name) {
                try script("/.singularity.d/actions/" + name, text, mode: 0o755)
            }
        }
    }

    private var scripts: [(String, String)] {
        let environment = "/.singularity.d/env/"
        return [
            (environment + "01-base.sh", ImageScripts.base),
            (environment + "90-environment.sh", ImageScripts.environmentHead),
            (Self.appsBase, ImageScripts.appsBase([])),
            (environment + "95-apps.sh", ImageScripts.apps),
            (environment + "99-base.sh", ImageScripts.finalBase),
            (environment + "99-runtimevars.sh", ImageScripts.runtimeVariables),
            ("/.singularity.d/runscript", hasEmptyRunscript ? ImageScripts.emptyScript : ImageScripts.defaultRunscript),
            ("/.singularity.d/startscript", ImageScripts.emptyScript),
        ]
    }

    package static let appsBase = "/.singularity.d/env/94-appsbase.sh"

    private func script(_ path: String, _ text: String, mode: UInt32) throws(SkiffError) {
        let keeps = path == Self.appsBase ? keepsApps : true
        if keeps && keepsExisting && root.exists(path) { return }
        try root.write(path, text.bytes, mode: mode)
    }
}
