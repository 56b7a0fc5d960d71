import Linux

/// Where the parts of this installation lie, found from the running program, so that a moved tree still works.
///
/// `PREFIX/bin/skiff`, `PREFIX/libexec/skiff/skiff-image` and `PREFIX/lib/skiff/plugins/x.so` all lead to `PREFIX`.
package struct Installation: Sendable {
    package let prefix: String

    /// - Throws: when /proc does not tell which program is running.
    package static func current() throws(SkiffError) -> Installation {
        let program = try during("cannot find the installation of this program") { () throws(Errno) in
            try readLink("/proc/self/exe")
        }
        return Installation(program: program)
    }

    /// - Parameter program: absolute path of a program of ours, without symlinks.
    package init(program: String) {
        let folder = parentPath(program) ?? "/"
        var up = parentPath(folder) ?? "/"
        if lastComponent(folder) == "skiff" { up = parentPath(up) ?? "/" }
        prefix = up == "/" ? "" : up
    }

    package var launcher: String { prefix + "/bin/skiff" }
    package var imageTool: String { prefix + "/libexec/skiff/skiff-image" }
    package var imageServer: String { prefix + "/libexec/skiff/skiff-mount" }
    package var rootSupervisor: String { prefix + "/libexec/skiff/skiff-root" }
    /// A static POSIX shell for images that have none.
    package var staticShell: String { prefix + "/libexec/skiff/sh" }
    package var pluginDirectory: String { prefix + "/lib/skiff/plugins" }
    /// `PREFIX/etc/skiff`; `/etc/skiff` for an installation below `/usr`, as the Filesystem Hierarchy Standard asks.
    package var configurationDirectory: String { (prefix == "/usr" ? "" : prefix) + "/etc/skiff" }
    package var configurationFile: String { configurationDirectory + "/skiff.conf" }
}
