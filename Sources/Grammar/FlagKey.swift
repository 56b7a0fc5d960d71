/// The name of a flag with the type of its value: declared once, in `FlagKeys.swift`, so that a misspelt flag does not
/// compile. The keys of plugin flags are made from the manifests as they are read.
package struct FlagKey<Value>: Sendable {
    /// The long name, without dashes.
    package let name: String
    package let kind: FlagKind

    fileprivate init(named name: String, _ kind: FlagKind) { (self.name, self.kind) = (name, kind) }
}

extension FlagKey where Value == Bool {
    package init(_ name: String) { self.init(named: name, .bool) }
}

extension FlagKey where Value == String {
    package init(_ name: String) { self.init(named: name, .string) }
}

extension FlagKey where Value == Int {
    /// - Parameter kind: `.int`, `.int32` or `.uint32`, which bound the value.
    package init(_ name: String, _ kind: FlagKind = .int) { self.init(named: name, kind) }
}

extension FlagKey where Value == [String] {
    /// - Parameter kind: `.slice` or `.array`, which differ in what a comma means.
    package init(_ name: String, _ kind: FlagKind = .slice) { self.init(named: name, kind) }
}

extension FlagKey where Value == [Assignment.Pair] {
    package init(_ name: String) { self.init(named: name, .map) }
}
