/// What a command asks the manifests of plugins for. Only those that may answer are read closely.
package enum PluginQuery: Equatable, Sendable {
    case everything
    /// By name, without dashes.
    case flag(String)
    /// A flag by its one letter.
    case letter(UInt8)
    /// A flag by its variable, without `APPTAINER_`.
    case variable(String)
    case command(String)
    case scheme(String)
    /// A directive of skiff.conf.
    case setting(String)
    case imageFact(String)
    /// By the id of a table that it has.
    case offer(String)
    /// By id.
    case plugin(String)
}
