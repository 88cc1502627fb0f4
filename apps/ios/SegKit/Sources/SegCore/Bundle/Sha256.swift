/// SHA-256 of bytes that come in pieces; FIPS 180-4. Foundation has none outside of Apple's systems, and what is tested on
/// Linux is what runs on a phone.
struct Sha256 {
    private static let constants: [UInt32] = [
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
    ]
    private static let block = 64

    private var state: [UInt32] = [
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
    ]
    private var rest: [UInt8] = []
    private var length: UInt64 = 0
    private var words = [UInt32](repeating: 0, count: 64)

    /// Digest of bytes, in lower-case hexadecimal digits.
    static func hex<Bytes: Collection<UInt8>>(of bytes: Bytes) -> String {
        var digest = Sha256()
        digest.update(Array(bytes))
        return digest.hex()
    }

    /// Takes the next piece.
    mutating func update(_ bytes: [UInt8]) {
        length += UInt64(bytes.count)
        let all = rest.isEmpty ? bytes : rest + bytes
        let whole = all.count / Self.block * Self.block
        all.withUnsafeBufferPointer { pointer in
            for start in stride(from: 0, to: whole, by: Self.block) { mix(pointer, start) }
        }
        rest = Array(all[whole...])
    }

    /// Ends it, and returns the digest in lower-case hexadecimal digits.
    mutating func hex() -> String {
        let bits = length * 8
        let zeros = (Self.block * 2 - 9 - rest.count) % Self.block
        let end = (0..<8).map { UInt8(truncatingIfNeeded: bits >> (56 - 8 * $0)) }
        update([0x80] + [UInt8](repeating: 0, count: zeros) + end)
        return state.map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 8 - digits.count) + digits
        }.joined()
    }

    private mutating func mix(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int) {
        var (a, b, c, d) = (state[0], state[1], state[2], state[3])
        var (e, f, g, h) = (state[4], state[5], state[6], state[7])
        words.withUnsafeMutableBufferPointer { words in
            for i in 0..<16 {
                let at = start + 4 * i
                words[i] =
                    UInt32(bytes[at]) << 24 | UInt32(bytes[at + 1]) << 16 | UInt32(bytes[at + 2]) << 8
                    | UInt32(bytes[at + 3])
            }
            for i in 16..<64 {
                let (before, last) = (words[i - 15], words[i - 2])
                let low = turned(before, 7) ^ turned(before, 18) ^ before >> 3
                let high = turned(last, 17) ^ turned(last, 19) ^ last >> 10
                words[i] = words[i - 16] &+ low &+ words[i - 7] &+ high
            }
            Self.constants.withUnsafeBufferPointer { constants in
                for i in 0..<64 {
                    let sum = turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)
                    let first = h &+ sum &+ (e & f ^ ~e & g) &+ constants[i] &+ words[i]
                    let second = (turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) &+ (a & b ^ a & c ^ b & c)
                    (h, g, f, e) = (g, f, e, d &+ first)
                    (d, c, b, a) = (c, b, a, first &+ second)
                }
            }
        }
        for (place, value) in [a, b, c, d, e, f, g, h].enumerated() { state[place] &+= value }
    }
}

private func turned(_ word: UInt32, _ by: UInt32) -> UInt32 { word >> by | word << (32 - by) }
