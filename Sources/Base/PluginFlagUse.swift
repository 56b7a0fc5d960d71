/// A flag of a plugin as it was given on the command line.
package struct PluginFlagUse: Sendable, Equatable {
    /// Without dashes.
    package var name: String
    /// The id of the plugin; empty where only the name is known.
    package var plugin: String
    /// In the order in which they were given; `true` or `false` for a switch.
    package var values: [String]

    package init(_ name: String, _ values: [String], of plugin: String = "") {
        (self.name, self.values, self.plugin) = (name, values, plugin)
    }

    package func isFlag(_ name: String, of plugin: String) -> Bool {
        self.name == name && (self.plugin.isEmpty || self.plugin == plugin)
    }
}
