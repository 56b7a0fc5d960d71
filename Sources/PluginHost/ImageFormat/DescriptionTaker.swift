import Core
import Linux
import PluginAPI

/// What `describe` answers through its callback.
final class DescriptionTaker {
    private(set) var image: ForeignImage?
    /// Why it cannot be used.
    private(set) var problem: String?
    private let session: Session

    init(_ session: Session) { self.session = session }

    private static let mostVariables: UInt32 = 4096
    /// In bytes.
    private static let longestText = 1 << 16

    func take(_ given: UnsafePointer<skiff_image_description>?) -> Int32 {
        guard image == nil, problem == nil else { return refuse("it answered twice") }
        guard let read = readRequest(given, into: skiff_image_description()) else {
            return refuse("its description is made for a newer skiff")
        }
        guard
            let sections = StridedArray(
                read.sections, count: UInt64(read.section_count), stride: UInt64(read.section_stride), limit: 64,
                empty: skiff_section())
        else { return refuse("its description has no valid list of sections") }
        var found = ForeignImage()
        for section in sections.elements {
            guard let offset = Int64(exactly: section.offset), let size = Int64(exactly: section.size) else {
                return refuse("it describes a section outside of the file")
            }
            found.parts.append(
                ForeignImage.Part(
                    SIFFilesystem(rawValue: Int32(truncatingIfNeeded: section.filesystem)),
                    SIFPartitionRole(rawValue: Int32(truncatingIfNeeded: section.role)),
                    ByteRange(offset: offset, size: size)))
        }
        guard let variables = pairs(read.variables, read.variable_count),
            variables.allSatisfy({ isVariableName($0.name) })
        else { return refuse("it gives a variable that is not NAME=value") }
        guard let labels = pairs(read.labels, read.label_count), labels.allSatisfy({ !$0.name.isEmpty }) else {
            return refuse("it gives a label that is not name=value")
        }
        (found.record.variables, found.record.labels) = (variables, labels)
        if let script = text(read.runscript) {
            guard script.hasPrefix("#!"), script.utf8.count <= Self.longestText else {
                return refuse("its runscript has no line with #!, or is longer than 64 KiB")
            }
            found.record.runscript = script
        }
        if let name = text(read.architecture) {
            guard let architecture = SIFArchitecture(name: name) else {
                return refuse("\"\(name.prefix(32))\" is no architecture")
            }
            found.architecture = architecture
        }
        image = found
        return SKIFF_OK
    }

    /// - Returns: nil for a list that is none, or has an entry without `=`.
    private func pairs(_ list: UnsafePointer<UnsafePointer<CChar>?>?, _ count: UInt32) -> [(
        name: String, value: String
    )]? {
        if count == 0 { return [] }
        guard let list, count <= Self.mostVariables else { return nil }
        var result: [(name: String, value: String)] = []
        for index in 0..<Int(count) {
            guard let entry = text(list[index]), entry.utf8.count <= Self.longestText,
                let equals = entry.utf8.firstIndex(of: ASCII.equals)
            else { return nil }
            result.append((String(entry[..<equals]), String(entry[equals...].dropFirst())))
        }
        return result
    }

    private func refuse(_ problem: String) -> Int32 {
        self.problem = problem
        return session.refuse(SKIFF_E_INVALID, problem)
    }
}

func takeDescription(_ context: UnsafeMutableRawPointer?, _ image: UnsafePointer<skiff_image_description>?) -> Int32 {
    guard let context else { return SKIFF_E_INVALID }
    return Unmanaged<DescriptionTaker>.fromOpaque(context).takeUnretainedValue().take(image)
}
