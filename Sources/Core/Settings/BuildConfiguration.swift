package import Base

/// The lines of `buildcfg`: where this installation has its parts, under Apptainer's names, which scripts read.
package struct BuildConfiguration: Sendable {
    package let entries: [(name: String, value: String)]

    /// - Parameter version: as `version` prints it under the name of the program.
    package init(_ installation: Installation, packageName: String, version: String) {
        let prefix = installation.prefix.isEmpty ? "/" : installation.prefix
        let system = prefix == "/usr" ? "" : installation.prefix
        let share = installation.prefix + "/share"
        entries = [
            ("PACKAGE_NAME", packageName),
            ("PACKAGE_VERSION", version),
            ("BUILDDIR", ""),
            ("PREFIX", prefix),
            ("EXECPREFIX", prefix),
            ("BINDIR", installation.prefix + "/bin"),
            ("SBINDIR", installation.prefix + "/sbin"),
            ("LIBEXECDIR", installation.prefix + "/libexec"),
            ("DATAROOTDIR", share),
            ("DATADIR", share),
            ("SYSCONFDIR", system + "/etc"),
            ("SHAREDSTATEDIR", installation.prefix + "/com"),
            ("LOCALSTATEDIR", system + "/var/lib"),
            ("RUNSTATEDIR", system + "/var/lib/run"),
            ("INCLUDEDIR", installation.prefix + "/include"),
            ("DOCDIR", share + "/doc/skiff"),
            ("INFODIR", share + "/info"),
            ("LIBDIR", installation.prefix + "/lib"),
            ("LOCALEDIR", share + "/locale"),
            ("MANDIR", share + "/man"),
            ("APPTAINER_CONFDIR", installation.configurationDirectory),
            ("SESSIONDIR", system + "/var/lib/skiff/mnt/session"),
            ("PLUGIN_ROOTDIR", installation.pluginDirectory),
            ("APPTAINER_CONF_FILE", installation.configurationFile),
            ("APPTAINER_SUID_INSTALL", "0"),
        ]
    }

    /// `NAME=value` lines, or the value of `name`.
    package func text(of name: String?) throws(SkiffError) -> String {
        guard let name else { return entries.map { "\($0.name)=\($0.value)\n" }.joined() }
        guard let entry = entries.first(where: { $0.name == name }) else {
            throw SkiffError("no variable named \"\(name)\"", code: .usage)
        }
        return entry.value + "\n"
    }
}
