using Net.Migration.Hosting;

namespace Net.Tests.Vectors;

/// <summary>All parts of an export, one after the other.</summary>
internal static class ExportParts
{
    public static IEnumerable<byte[]> TakeAhead(this ComponentExport export)
    {
        export.EndAhead();
        while (export.TryTakeAhead(isEnd: true, out byte[]? part))
        {
            yield return part;
        }
    }

    public static IEnumerable<(byte[] Bytes, bool IsLast)> TakeFinal(this ComponentExport export)
    {
        export.EndFinal();
        for (bool isLast = false; !isLast;)
        {
            byte[] part = export.TakeFinal(out isLast);
            yield return (part, isLast);
        }
    }
}
