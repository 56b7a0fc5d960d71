/// A flag of a plugin as it was given on the command line.
package struct PluginFlagUse: Sendable, Equatable {
    /// Without dashes.
    package var name: String
    /// In the order in which they were given; `true` or `false` for a switch.
    package var values: [String]

    package init(_ name: String, _ values: [String]) {
        (self.name, self.values) = (name, values)
    }
}
