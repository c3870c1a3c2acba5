using System.Globalization;
using Net.Http3.Messages;
using Net.Http3.Wire;
using Net.Tests.Http3.Qpack.Offline;

namespace Interop.Qif;

/// <summary>qif encode|decode --capacity N --blocked N [--ack] FILE: QPACK in the offline interop format of qpackers/qifs.</summary>
internal static class Program
{
    private const string Usage = "usage: qif encode|decode --capacity N --blocked N [--ack] FILE";

    /// <returns>0; 1 for a file that cannot be read or does not decode; 2 for wrong arguments.</returns>
    public static int Main(string[] arguments)
    {
        int capacity = 0, blocked = 0;
        bool acknowledge = false;
        string? file = null;
        bool sound = arguments is ["encode" or "decode", ..];
        for (int i = 1; i < arguments.Length; i++)
        {
            switch (arguments[i])
            {
                case "--capacity":
                    sound &= TryNumber(arguments, ++i, Http3Limits.MaxDecoderTable, out capacity);
                    break;

                case "--blocked":
                    sound &= TryNumber(arguments, ++i, int.MaxValue, out blocked);
                    break;

                case "--ack":
                    acknowledge = true;
                    break;

                default:
                    sound &= file is null && !arguments[i].StartsWith('-');
                    file = arguments[i];
                    break;
            }
        }

        if (!sound || file is null)
        {
            Console.Error.WriteLine(Usage);
            return 2;
        }

        try
        {
            using MemoryStream output = new();
            if (arguments[0] == "encode")
            {
                OfflineCodec.Encode(QifText.Read(file), capacity, blocked, acknowledge, output);
            }
            else if (OfflineCodec.Decode(File.ReadAllBytes(file), capacity, blocked) is List<FieldSection> lists)
            {
                QifText.Write(output, lists);
            }
            else
            {
                Console.Error.WriteLine($"qif: {file} does not decode");
                return 1;
            }

            using Stream standard = Console.OpenStandardOutput();
            output.Position = 0;
            output.CopyTo(standard);
            return 0;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or FormatException)
        {
            Console.Error.WriteLine($"qif: {fault.Message}");
            return 1;
        }
    }

    private static bool TryNumber(string[] arguments, int at, int max, out int number)
    {
        number = 0;
        return at < arguments.Length && int.TryParse(arguments[at], NumberStyles.None, CultureInfo.InvariantCulture, out number) && number <= max;
    }
}
