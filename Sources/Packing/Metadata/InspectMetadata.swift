package import Base
import Core

/// The metadata of an image: the object `inspect-metadata.json` of a SIF and the output of `inspect --json`.
///
/// Texts have no trailing newlines. Empty members are not written.
package struct InspectMetadata: Sendable, Equatable {
    /// The metadata of the container, or of one application in it.
    package struct Section: Sendable, Equatable {
        /// Scripts by their paths in the image.
        package var environment: [String: String] = [:]
        package var labels: [String: String] = [:]
        package var runscript = ""
        package var startscript = ""
        package var test = ""
        package var helpfile = ""
        package init() {}
    }

    package var container = Section()
    package var apps: [String: Section] = [:]
    package var deffile = ""

    package init() {}
}

/// Returns the keys in the order in which Apptainer lists names.
package func sortedKeys<Value>(_ dictionary: [String: Value]) -> [String] {
    dictionary.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
}

extension InspectMetadata {
    /// `{"data":{"attributes":{…}},"type":"container"}`, members in Apptainer's order.
    package var json: JSONText {
        let attributes = JSONText.members([
            "apps": Self.object(apps) { $0.json },
            "environment": Self.strings(container.environment),
            "labels": Self.strings(container.labels),
            "runscript": Self.text(container.runscript),
            "test": Self.text(container.test),
            "helpfile": Self.text(container.helpfile),
            "deffile": Self.text(deffile),
            "startscript": Self.text(container.startscript),
        ])
        return .members(["data": .members(["attributes": attributes]), "type": .string("container")])
    }

    fileprivate static func object<Value>(_ values: [String: Value], _ write: (Value) -> JSONText) -> JSONText? {
        if values.isEmpty { return nil }
        return .object(
            sortedKeys(values).compactMap { name in values[name].map { JSONText.Member(name, write($0)) } })
    }

    fileprivate static func strings(_ values: [String: String]) -> JSONText? { object(values) { .string($0) } }

    fileprivate static func text(_ value: String) -> JSONText? { value.isEmpty ? nil : .string(value) }
}

extension InspectMetadata.Section {
    fileprivate var json: JSONText {
        .members([
            "environment": InspectMetadata.strings(environment),
            "labels": InspectMetadata.strings(labels),
            "runscript": InspectMetadata.text(runscript),
            "startscript": InspectMetadata.text(startscript),
            "test": InspectMetadata.text(test),
            "helpfile": InspectMetadata.text(helpfile),
        ])
    }

    /// - Throws: when a member has the wrong type.
    fileprivate init(_ json: JSONText) throws(SkiffError) {
        environment = try Self.strings(json["environment"])
        labels = try Self.strings(json["labels"])
        runscript = try Self.text(json["runscript"])
        startscript = try Self.text(json["startscript"])
        test = try Self.text(json["test"])
        helpfile = try Self.text(json["helpfile"])
    }

    fileprivate static func text(_ json: JSONText?) throws(SkiffError) -> String {
        switch json {
        case nil, .null: return ""
        case .string(let text): return text
        default: throw SkiffError("a member that is no string")
        }
    }

    static func strings(_ json: JSONText?) throws(SkiffError) -> [String: String] {
        switch json {
        case nil, .null: return [:]
        case .object(let members):
            var result: [String: String] = [:]
            for member in members { result[member.name] = try text(member.value) }
            return result
        default: throw SkiffError("a member that is no object")
        }
    }
}

extension InspectMetadata {
    /// Parses a record. Unknown members are ignored.
    package init(parsing bytes: [UInt8]) throws(SkiffError) {
        let json: JSONText
        do throws(JSONReader.Malformed) {
            json = try JSONReader.read(bytes)
        } catch {
            throw SkiffError("cannot read \(SIFImage.metadataName): \(error)")
        }
        guard let attributes = json["data"]?["attributes"] else {
            throw SkiffError("cannot read \(SIFImage.metadataName): it has no attributes")
        }
        do throws(SkiffError) {
            container = try Section(attributes)
            deffile = try Section.text(attributes["deffile"])
            guard case .object(let members)? = attributes["apps"] else { return }
            for member in members { apps[member.name] = try Section(member.value) }
        } catch {
            throw SkiffError("cannot read \(SIFImage.metadataName): it has \(error)")
        }
    }
}
