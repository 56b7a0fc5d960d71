import CLinux
import Linux
import Ownership
import SquashfsWriter

/// Gives the files of a tree that was made without privileges the owners, devices and attributes that are recorded on
/// them, while it is packed.
struct OwnershipReader {
    let keeping: RecordKeeping

    func apply(to entry: inout TreeEntry) {
        if keeping == .nothing { return }
        let type = entry.mode & SKL_S_IFMT
        let isSpecial = type != SKL_S_IFREG && type != SKL_S_IFDIR
        let attribute = isSpecial ? RecordedOwner.specialAttribute : RecordedOwner.attribute
        if let value = entry.xattrs.first(where: { $0.name.elementsEqual(attribute.utf8) })?.value,
            let owner = RecordedOwner(value, isSpecial: isSpecial)
        {
            if keeping == .owners { (entry.uid, entry.gid) = (owner.uid, owner.gid) }
            if type == SKL_S_IFREG, let device = owner.device { becomeDevice(&entry, device) }
        }
        entry.xattrs = entry.xattrs.compactMap { attribute in
            if let name = RecordedOwner.trueName(of: attribute.name) {
                return TreeEntry.Xattr(name: name, value: attribute.value)
            }
            let isOurs =
                attribute.name.starts(with: RecordedOwner.prefix.utf8)
                || isSpecial && attribute.name.elementsEqual(RecordedOwner.specialAttribute.utf8)
            return isOurs ? nil : attribute
        }
    }

    private func becomeDevice(_ entry: inout TreeEntry, _ device: RecordedOwner.Device) {
        let type: mode_t
        switch device {
        case .block(let major, let minor):
            (type, entry.device) = (SKL_S_IFBLK, UInt64(deviceNumber(major: major, minor: minor)))
        case .character(let major, let minor):
            (type, entry.device) = (SKL_S_IFCHR, UInt64(deviceNumber(major: major, minor: minor)))
        }
        entry.mode = type | entry.mode & 0o7777
    }
}
