import Base
import Core
import Digest

/// The output of `sif list`, `header` and `info`, identical to Apptainer's byte for byte; Docs/spec/sif.md §11.

func listText(_ image: SIFImage) -> String {
    let rule = String(repeating: "-", count: 78) + "\n"
    var text = rule + "ID   |GROUP   |LINK    |SIF POSITION (start-end)  |TYPE\n" + rule
    for object in image.objects {
        let position = "\(object.offset)-\(object.end)"
        text += padded(String(object.id), 4) + " |" + padded(groupText(object), 7) + " |"
        text +=
            padded(linkText(object, inList: true), 7) + " |" + padded(position, 24) + "  |" + typeText(object) + "\n"
    }
    return text
}

func headerText(_ header: SIFHeader) -> String {
    var rows: [(String, String)] = []
    let launch = header.launch.prefix { $0 != 0 }
    if !launch.isEmpty { rows.append(("Launch Script", printable(launch.last == 0x0A ? launch.dropLast() : launch))) }
    rows.append(("Version", SIFHeader.versionText))
    if header.architecture.code != 0 { rows.append(("Primary Architecture", header.architecture.name)) }
    if header.identifier != .zero { rows.append(("ID", header.identifier.description)) }
    rows += timeRows(header.created, header.modified)
    rows += [
        ("Descriptors Free", String(header.descriptorsFree)), ("Descriptors Total", String(header.descriptorsTotal)),
        ("Descriptors Offset", String(header.descriptorsOffset)),
        ("Descriptors Size", byteText(header.descriptorsSize, .whole)),
        ("Data Offset", String(header.dataOffset)), ("Data Size", byteText(header.dataSize, .whole)),
    ]
    return table(rows, indent: "", gap: 1)
}

func infoText(_ object: SIFDescriptor) -> String {
    var rows = [
        ("Data Type", object.type.label), ("ID", String(object.id)), ("Group ID", groupText(object)),
        ("Linked ID", linkText(object, inList: false)), ("Offset", String(object.offset)),
        ("Size", String(object.size)),
    ]
    rows += timeRows(object.created, object.modified)
    let name = object.name.prefix { $0 != 0 }
    if !name.isEmpty { rows.append(("Name", printable(name))) }
    switch object.extra {
    case .none: break
    case .partition(let facts):
        rows += [
            ("Filesystem Type", facts.filesystem.label), ("Partition Type", facts.role.label),
            ("Architecture", facts.architecture.name),
        ]
    case .signature(let facts):
        rows.append(("Hash Type", facts.hash.label))
        if !facts.fingerprint.isEmpty { rows.append(("Entity", hexadecimal(facts.fingerprint, uppercase: true))) }
    case .cryptoMessage(let format, let message):
        rows += [("Format Type", format.label), ("Message Type", message.label)]
    case .sbom(let format): rows.append(("Format", format.label))
    case .digest(let text): rows.append(("Digest", printable(text)))
    }
    return table(rows, indent: "  ", gap: 2)
}

private func timeRows(_ created: Int64, _ modified: Int64) -> [(String, String)] {
    [("Created At", created), ("Modified At", modified)].filter { $0.1 != SIFFormat.zeroTime }
        .map { ($0.0, utcText($0.1)) }
}

private func groupText(_ object: SIFDescriptor) -> String { object.group == 0 ? "NONE" : String(object.group) }

private func linkText(_ object: SIFDescriptor, inList: Bool) -> String {
    switch object.link {
    case .none: "NONE"
    case .object(let id): String(id)
    case .group(let number): (inList ? padded(String(number), 3) : String(number)) + " (G)"
    }
}

private func typeText(_ object: SIFDescriptor) -> String {
    let label = object.type.label
    return switch object.extra {
    case .partition(let facts):
        "\(label) (\(facts.filesystem.label)/\(facts.role.label)/\(facts.architecture.name))"
    case .signature(let facts): "\(label) (\(facts.hash.label))"
    case .cryptoMessage(let format, let message): "\(label) (\(format.label)/\(message.label))"
    case .sbom(let format): "\(label) (\(format.label))"
    case .none, .digest: label
    }
}

private func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.utf8.count))
}

private func table(_ rows: [(name: String, value: String)], indent: String, gap: Int) -> String {
    let width = (rows.map(\.name.utf8.count).max() ?? 0) + 1 + gap
    return rows.map { indent + padded($0.name + ":", width) + $0.value + "\n" }.joined()
}
