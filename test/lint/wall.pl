# The library never sees PostgreSQL: its headers refuse to follow postgres.h (base/wall.hpp), and its files do not name it.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Source;

my $foreign = qr{postgres\.h|"pg/|\b(?:Datum|palloc\w*|ereport|elog|SPI_\w+|PG_\w+|MemoryContext\w*|CHECK_FOR_INTERRUPTS)\b};
for my $file (files(@LIBRARY))
{
	my $text = code($file);
	if ($file =~ /\.hpp$/ && $file ne 'src/base/wall.hpp')
	{
		my ($first) = $text =~ /^\s*#\s*include\s+(\S+)/m;
		finding($file, 1, 'the first include must be "base/wall.hpp"') unless defined $first && $first eq '"base/wall.hpp"';
	}
	my $number = 0;
	for my $line (split /\n/, $text)
	{
		$number++;
		next if $file eq 'src/base/wall.hpp';
		finding($file, $number, "library code names \"$1\"") if $line =~ s/"(?:\\.|[^"\\])*"(?=\s*[,;)])//gr =~ /($foreign)/;
	}
}
finish();
