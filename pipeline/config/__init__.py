"""How a setting gets from conf/ to code: composed files, typed views, their rules, folders."""
