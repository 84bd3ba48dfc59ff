# Functions are at most 60 lines; more than 100 is an error. Functions at the left margin, as clang-format writes them.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Source;

for my $file (files())
{
	my ($number, $start, $name, $head) = (0, 0, '', '');
	for my $line (split /\n/, code($file))
	{
		$number++;
		if (!$start)
		{
			if ($line =~ /^[\w:~"\[<*&]/ && $line !~ /^(?:namespace|extern "C" \{|struct|class|enum|union|using|public:|private:|protected:)/)
			{
				$head = $line;
			}
			elsif ($line !~ /^\s/) { $head = '' }
			if ($head ne '' && $line =~ /\{\s*$/ && "$head$line" =~ /\(/)
			{
				($start, $name) = ($number, $head =~ /([\w:~]+)\s*\(/ ? $1 : $head);
			}
			$head = '' if $line =~ /[;}]\s*$/;
		}
		elsif ($line =~ /^\}/)
		{
			my $lines = $number - $start + 1;
			finding($file, $start, "$name has $lines lines") if $lines > 100;
			print "$file:$start: note: $name has $lines lines (aim: 60)\n" if $lines > 60 && $lines <= 100;
			($start, $head) = (0, '');
		}
	}
}
finish();
