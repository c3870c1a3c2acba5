using Net.Core.Wire;
using Net.Migration.Envelope;

namespace Net.Migration.Link;

/// <summary>An ingress of the federation came, changed or went: a node keeps a link to every one, since clients come by way of every one.</summary>
/// <param name="Number">Its number, from 1.</param>
/// <param name="Control">Where members reach it.</param>
/// <param name="IsAlive">False: it is gone.</param>
internal sealed record IngressUpdateMessage(uint Number, UdpAddress Control, bool IsAlive) : LinkMessage
{
    public override MessageType Type => MessageType.IngressUpdate;

    public override void WriteBody(FieldWriter writer)
    {
        writer.WriteUInt32(Number);
        writer.WriteAddress(Control);
        writer.WriteBool(IsAlive);
    }

    public static bool TryRead(ref ByteReader reader, out LinkMessage? message)
    {
        message = reader.TryReadUInt32(out uint number) & UdpAddress.TryRead(ref reader, out UdpAddress control) & reader.TryReadBool(out bool isAlive)
            && number > 0 && !control.IsNone
            ? new IngressUpdateMessage(number, control, isAlive) : null;
        return message is not null;
    }
}

/// <summary>Who is a member of the federation has changed. Only sent where there is a roster; it is checked by whoever gets it.</summary>
/// <param name="Roster">As signed.</param>
internal sealed record TrustUpdateMessage(string Roster) : LinkMessage
{
    public override MessageType Type => MessageType.TrustUpdate;

    public override void WriteBody(FieldWriter writer) => writer.WriteVarBytes(System.Text.Encoding.ASCII.GetBytes(Roster));

    public static bool TryRead(ref ByteReader reader, out LinkMessage? message)
    {
        message = reader.TryReadBytes(Hosting.Roster.MaxLength, out byte[] text) && System.Text.Ascii.IsValid(text)
            ? new TrustUpdateMessage(System.Text.Encoding.ASCII.GetString(text)) : null;
        return message is not null;
    }
}
