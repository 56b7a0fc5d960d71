package import Base
package import Core
import Linux

/// The configuration file of an installation, or one that the command line names.
package struct ConfigurationChange: Sendable {
    private let path: String
    private let directives: [PluginDirective]

    package init(_ path: String, directives: [PluginDirective]) { (self.path, self.directives) = (path, directives) }

    /// A file that does not exist is one with the defaults.
    package func text() throws(SkiffError) -> ConfigurationText {
        let standard = try Settings().text(directives).bytes
        let bytes = try LockedFile(path).read(limit: 1 << 20) ?? standard
        return ConfigurationText(bytes, name: path, directives: directives)
    }

    /// Changes the file.
    package func apply(_ change: ConfigurationText.Change, _ directive: String, _ value: String) throws(SkiffError) {
        let file = LockedFile(path)
        guard isAccessible(parentPath(file.path) ?? "/", .write) else {
            throw SkiffError(
                "while creating configuration file \(path): open \(path)", errno: .accessDenied,
                hint: "Only the owner of the installation changes it")
        }
        try file.whileLocked { () throws(SkiffError) in
            var text = try self.text()
            try text.change(change, directive, value)
            try during("while creating configuration file \(path)") { () throws(Errno) in try file.write(text.bytes) }
        }
    }
}
